//! A browser without a window, which WebDriver controls.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Map, Value, json};
use url::{ParseError, Url};

/// Far longer than any page takes.
const LONG: Duration = Duration::from_secs(30);

/// The programs that the tests need.
const PROGRAMS: [&str; 2] = ["chromedriver", "chromium"];

/// A browser, which is closed on drop.
pub struct Browser {
    pub client: Client,
    driver: Child,
    /// The port of the driver.
    port: u16,
    /// The id of the driver's session, which owns the processes of the browser.
    session: String,
    origin: String,
}

/// How the browser differs from one of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub is_without_javascript: bool,
}

/// A command of the driver that fantoccini does not know.
#[derive(Debug)]
struct VendorCommand(&'static str, Value);

impl WebDriverCompatibleCommand for VendorCommand {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        let id = session_id.expect("a session");
        base_url.join(&format!("session/{id}/{}", self.0))
    }

    fn method_and_body(&self, _: &Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(self.1.to_string()))
    }
}

impl Browser {
    /// Opens a browser for the pages of the server at `origin`. Returns `None`, and says so, if it is not installed.
    pub async fn open(origin: &str, options: Options) -> Option<Self> {
        if !PROGRAMS
            .iter()
            .all(|name| crate::support::program::has_program(name))
        {
            println!("skipped: chromedriver or chromium is not installed");
            return None;
        }
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let client = connect(&url, capabilities(options)).await;
        let session = client.session_id().await.unwrap();
        Some(Self {
            client,
            driver,
            port,
            session: session.expect("a session"),
            origin: origin.to_owned(),
        })
    }

    /// Loads a page of the server.
    pub async fn goto(&self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.client.goto(&url).await.unwrap();
    }

    /// Returns the path and query of the page.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap().to_string();
        url.strip_prefix(&self.origin).unwrap_or(&url).to_owned()
    }

    /// Returns the text of the page.
    pub async fn text(&self) -> String {
        // While the next page is being loaded, there may be no text.
        match self.client.find(Locator::Css("main")).await {
            Ok(main) => main.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until an element is there.
    pub async fn wait_for(&self, css: &str) {
        let waited = self
            .client
            .wait()
            .at_most(LONG)
            .for_element(Locator::Css(css));
        if waited.await.is_err() {
            panic!("no {css} on {}: {}", self.path().await, self.text().await);
        }
    }

    /// Waits until the text of the page contains this.
    pub async fn wait_for_text(&self, text: &str) {
        let start = Instant::now();
        while !self.text().await.contains(text) {
            assert!(
                start.elapsed() < LONG,
                "no {text:?} on {}: {}",
                self.path().await,
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn click(&self, css: &str) {
        self.wait_for(css).await;
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        element
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Clicks the first link or button with this text.
    pub async fn click_text(&self, text: &str) {
        let xpath =
            format!("//main//*[self::a or self::button][contains(normalize-space(), '{text}')]");
        let found = self.client.find(Locator::XPath(&xpath)).await;
        let Ok(element) = found else {
            panic!(
                "no {text:?} on {}: {}",
                self.path().await,
                self.text().await
            );
        };
        element.click().await.unwrap();
    }

    /// Clicks a link or button, and waits for the next page.
    pub async fn follow(&self, text: &str, next: &str) {
        self.click_text(text).await;
        self.wait_for_path(next).await;
    }

    pub async fn wait_for_path(&self, start: &str) {
        let begun = Instant::now();
        while !self.path().await.starts_with(start) {
            assert!(
                begun.elapsed() < LONG,
                "not {start} but {}: {}",
                self.path().await,
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.wait_for("main").await;
    }

    /// Types a text into a field, or the path of a file.
    pub async fn fill(&self, css: &str, text: &str) {
        self.wait_for(css).await;
        let field = self.client.find(Locator::Css(css)).await.unwrap();
        if !css.contains("file") {
            field.clear().await.unwrap();
        }
        field.send_keys(text).await.unwrap();
    }

    /// Runs a script in the page, and returns its result.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Sends a command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({"cmd": command, "params": parameters});
        let sent = self
            .client
            .issue_cmd(VendorCommand("goog/cdp/execute", body));
        sent.await.unwrap();
    }

    /// Drops a file of the disk on an element.
    pub async fn drop_file(&self, css: &str, file: &Path) {
        let script = format!(
            "const box = document.querySelector({css:?}).getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2];"
        );
        let center = self.run(&script).await;
        for kind in ["dragEnter", "dragOver", "drop"] {
            let data = json!({"items": [], "files": [file], "dragOperationsMask": 1});
            let event = json!({"type": kind, "x": center[0], "y": center[1], "data": data});
            self.devtools("Input.dispatchDragEvent", event).await;
        }
    }

    /// Sets the width of the page, and whether the user prefers dark colours.
    pub async fn look(&self, width: u32, is_dark: bool) {
        let metrics =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Asserts that the console has no error since the last call, but for responses with this status.
    pub async fn assert_quiet_console(&self, expected_status: Option<u16>) {
        let log = self
            .client
            .issue_cmd(VendorCommand("se/log", json!({"type": "browser"})));
        let log = log.await.unwrap();
        for entry in log.as_array().unwrap() {
            let message = entry["message"].as_str().unwrap_or_default();
            let is_expected = expected_status
                .is_some_and(|status| message.contains(&format!("with a status of {status}")));
            let is_error = ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap());
            assert!(!is_error || is_expected, "{}: {message}", self.path().await);
        }
    }

    /// Saves a picture of the whole page.
    pub async fn screenshot(&self, name: &str) {
        let height = self
            .run("return document.documentElement.scrollHeight")
            .await;
        let width = self.run("return innerWidth").await;
        let height = height.as_u64().unwrap().clamp(600, 4000);
        let metrics = |height| json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics(height))
            .await;
        let picture = self.client.screenshot().await.unwrap();
        self.devtools("Emulation.setDeviceMetricsOverride", metrics(900))
            .await;
        std::fs::write(output_dir().join(format!("{name}.png")), picture).unwrap();
    }
}

impl Browser {
    /// Ends the session and its browser. A drop cannot wait for the client, so this is a request of its own.
    fn delete_session(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(LONG))?;
        let path = format!("/session/{}", self.session);
        write!(
            stream,
            "DELETE {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )?;
        // The response comes when the browser has ended.
        stream.read(&mut [0; 64]).map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Only the end of the session ends the browser: it outlives the driver (WebDriver, "Delete Session").
        if let Err(error) = self.delete_session() {
            println!("the browser may still run: {error}");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Returns the directory for screenshots.
pub fn output_dir() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn free_port() -> u16 {
    // The port is free again when the listener is dropped.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn capabilities(options: Options) -> Map<String, Value> {
    let mut chrome = json!({
        "args": [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1200,900", "--lang=en-US",
            "--hide-scrollbars"
        ],
    });
    if options.is_without_javascript {
        chrome["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
    }
    let capabilities = json!({
        "goog:chromeOptions": chrome,
        "goog:loggingPrefs": {"browser": "ALL"},
        "pageLoadStrategy": "normal",
    });
    capabilities.as_object().unwrap().clone()
}

/// Connects to a driver that has just been started.
async fn connect(url: &str, capabilities: Map<String, Value>) -> Client {
    let start = Instant::now();
    loop {
        let mut builder =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities.clone());
        match builder.connect(url).await {
            Ok(client) => return client,
            Err(error) if start.elapsed() > LONG => panic!("no browser: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
