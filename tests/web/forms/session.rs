//! A browser without a screen: it keeps cookies and fills in forms.

use std::collections::BTreeMap;

use wasmstore::config::{Options, ServerLimits};
use wasmstore::http::{Keyring, Keys, ServerOptions};

use crate::http::api::{Api, TestResponse};

pub const ORIGIN: &str = "http://127.0.0.1:6384";

/// The keys of the servers in these tests.
pub const KEYS: &str =
    "reader-key:GET\nwriter-key:GET,POST:Wanda <w@example.org>\nadmin-key:*\nblind-key:POST";

/// A server, and a browser that visits it.
pub struct Session {
    pub api: Api,
    pub keyring: Option<Keyring>,
    cookies: BTreeMap<String, String>,
}

impl Session {
    pub fn without_keys() -> Self {
        Self::new(None, ServerLimits::default(), Options::default())
    }

    pub fn with_keys() -> Self {
        Self::new(Some(KEYS), ServerLimits::default(), Options::default())
    }

    /// Opens a server, and signs in with this key.
    pub fn signed_in(key: &str) -> Self {
        let mut session = Self::with_keys();
        session.sign_in(key);
        session
    }

    pub fn new(keys: Option<&str>, limits: ServerLimits, options: Options) -> Self {
        let keyring = keys.map(|keys| Keyring::from(Keys::parse_file(keys).unwrap()));
        let server_options = ServerOptions {
            keys: keyring.clone(),
            has_web: true,
            limits,
            ..ServerOptions::default()
        };
        Self {
            api: Api::with_options(server_options, options),
            keyring,
            cookies: BTreeMap::new(),
        }
    }

    /// Forgets all cookies, as another browser does.
    pub fn forget(&mut self) {
        self.cookies.clear();
    }

    pub fn cookie(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// Sends a request with the cookies, and keeps those of the response.
    pub fn send(
        &mut self,
        (method, uri): (&str, &str),
        headers: &[(&str, &str)],
        body: impl Into<axum::body::Body>,
    ) -> TestResponse {
        let cookie = self.cookie();
        let mut all = vec![("Cookie", cookie.as_str()), ("Accept", "text/html")];
        all.extend_from_slice(headers);
        let response = self.api.send(method, uri, &all, body);
        for set in response.headers.get_all("set-cookie") {
            let (pair, attributes) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    pub fn get(&mut self, uri: &str) -> TestResponse {
        self.send(("GET", uri), &[], "")
    }

    /// Sends fields as they are.
    pub fn post(&mut self, uri: &str, fields: &[(&str, &str)]) -> TestResponse {
        let media_type = ("Content-Type", "application/x-www-form-urlencoded");
        self.send(
            ("POST", uri),
            &[("Origin", ORIGIN), media_type],
            encode(fields),
        )
    }

    /// Loads the page with a form, fills fields in, and sends the form.
    #[track_caller]
    pub fn submit(&mut self, page: &str, filled_in: &[(&str, &str)]) -> TestResponse {
        let form = self.form(page);
        self.post_form(&form, filled_in)
    }

    /// Fills fields of a form in, and sends it.
    pub fn post_form(&mut self, form: &PageForm, filled_in: &[(&str, &str)]) -> TestResponse {
        let mut fields: Vec<(&str, &str)> = { form.fields.iter() }
            .filter(|(name, _)| !filled_in.iter().any(|(filled, _)| filled == name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        fields.extend_from_slice(filled_in);
        self.post(&form.action, &fields)
    }

    /// Loads the page with a form.
    #[track_caller]
    pub fn form(&mut self, page: &str) -> PageForm {
        let response = self.get(page);
        assert_eq!(response.status, 200, "{page}: {}", response.text());
        assert_eq!(response.header("cache-control"), Some("no-store"), "{page}");
        PageForm::of(response.text())
    }

    /// Uploads files with the form, whose fields are filled in.
    pub fn upload(
        &mut self,
        page: &str,
        filled_in: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> TestResponse {
        let form = self.form(page);
        let mut body = Vec::new();
        for (name, value) in &form.fields {
            let filled = filled_in.iter().find(|(filled, _)| filled == name);
            let value = filled.map_or(value.as_str(), |(_, value)| value);
            body.extend(part(&format!("name=\"{name}\""), value.as_bytes()));
        }
        for (name, bytes) in files {
            body.extend(part(&format!("name=\"file\"; filename=\"{name}\""), bytes));
        }
        body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.post_multipart(&form.action, body)
    }

    pub fn post_multipart(&mut self, uri: &str, body: Vec<u8>) -> TestResponse {
        let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let headers = [("Origin", ORIGIN), ("Content-Type", media_type.as_str())];
        self.send(("POST", uri), &headers, body)
    }

    #[track_caller]
    pub fn sign_in(&mut self, key: &str) {
        let response = self.submit("/ui/login", &[("key", key)]);
        assert_eq!(response.status, 303, "{}", response.text());
    }
}

pub const BOUNDARY: &str = "----boundary7";

pub fn part(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// A form of a page that is sent with POST.
pub struct PageForm {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl PageForm {
    /// Returns the only form of a page that is sent with POST.
    #[track_caller]
    pub fn of(page: &str) -> Self {
        let mut forms = Self::all(page);
        assert_eq!(forms.len(), 1, "{page}");
        forms.remove(0)
    }

    /// Returns all forms of a page that are sent with POST.
    pub fn all(page: &str) -> Vec<Self> {
        let forms = { page.split("<form").skip(1) }
            .filter(|form| attribute(form, "method").as_deref() == Some("post"));
        let forms = forms.map(|form| form.split("</form>").next().unwrap());
        forms.map(Self::parse).collect()
    }

    fn parse(form: &str) -> Self {
        let mut fields = Vec::new();
        for tag in form.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let is_field = tag.starts_with("input") || tag.starts_with("textarea");
            let kind = attribute(tag, "type");
            if !is_field || matches!(kind.as_deref(), Some("file" | "checkbox")) {
                continue;
            }
            let value = attribute(tag, "value").unwrap_or_default();
            fields.push((attribute(tag, "name").unwrap(), value));
        }
        let action = attribute(form, "action").unwrap();
        Self { action, fields }
    }

    pub fn field(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(field, _)| field == name);
        &field.unwrap_or_else(|| panic!("no field {name}")).1
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    let unescaped = value.replace("&lt;", "<").replace("&gt;", ">");
    Some(unescaped.replace("&quot;", "\"").replace("&amp;", "&"))
}

pub fn encode(fields: &[(&str, &str)]) -> String {
    let encoded = fields.iter().map(|(name, value)| {
        let value: String = { value.bytes() }
            .map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        format!("{name}={value}")
    });
    encoded.collect::<Vec<_>>().join("&")
}
