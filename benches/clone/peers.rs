//! Stock git's own servers.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::options::Options;
use crate::servers::{Running, Server, free_address};
use crate::store::Store;

/// `git http-backend` behind nginx and fcgiwrap.
pub fn http_backend(options: &Options, store: &Store, dir: &Path) -> Result<Server> {
    let (front, back) = (free_address()?, free_address()?);
    let mut fcgiwrap = Command::new(&options.fcgiwrap);
    let processes = std::thread::available_parallelism()?.to_string();
    fcgiwrap.args(["-c", &processes, "-s", &format!("tcp:{back}")]);
    let fcgiwrap = Running::start(hermetic(&mut fcgiwrap), back)?;
    let program = backend()?;
    let folder = dir.join("nginx");
    fs::create_dir(&folder)?;
    let work = folder.display();
    let root = store.root.display();
    let config = format!(
        "daemon off; pid {work}/pid; error_log {work}/log; worker_processes auto;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fastcgi;
            uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
            server {{
                listen {front};
                client_max_body_size 0;
                location ~ ^/store(/.*)$ {{
                    fastcgi_pass {back};
                    fastcgi_buffering off;
                    fastcgi_param SCRIPT_FILENAME {program};
                    fastcgi_param REQUEST_METHOD $request_method;
                    fastcgi_param QUERY_STRING $query_string;
                    fastcgi_param CONTENT_TYPE $content_type;
                    fastcgi_param CONTENT_LENGTH $content_length;
                    fastcgi_param REMOTE_ADDR $remote_addr;
                    fastcgi_param GIT_PROJECT_ROOT {root};
                    fastcgi_param GIT_HTTP_EXPORT_ALL 1;
                    fastcgi_param GIT_PROTOCOL $http_git_protocol;
                    fastcgi_param GIT_CONFIG_COUNT 1;
                    fastcgi_param GIT_CONFIG_KEY_0 safe.directory;
                    fastcgi_param GIT_CONFIG_VALUE_0 *;
                    fastcgi_param PATH_INFO $1;
                }}
            }}
        }}"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config)?;
    let mut nginx = Command::new(&options.nginx);
    nginx.arg("-c").arg(&file).arg("-e").arg(folder.join("log"));
    let nginx = Running::start(&mut nginx, front)?;
    let url = format!("http://{front}/store");
    Ok(Server::new(
        "http-backend, nginx",
        url,
        vec![nginx, fcgiwrap],
    ))
}

/// `git daemon`, which speaks git's own protocol.
pub fn daemon(store: &Store) -> Result<Server> {
    let address = free_address()?;
    let mut daemon = Command::new("git");
    daemon
        .args(["-c", "safe.directory=*", "daemon", "--export-all"])
        .arg("--listen=127.0.0.1")
        .arg(format!("--port={}", address.port()))
        .arg(format!("--base-path={}", store.root.display()));
    let running = Running::start(hermetic(&mut daemon), address)?;
    let url = format!("git://{address}/");
    Ok(Server::new("git daemon", url, vec![running]))
}

/// Where the CGI program is.
fn backend() -> Result<String> {
    let output = Command::new("git").arg("--exec-path").output()?;
    let folder = String::from_utf8(output.stdout)?;
    Ok(format!("{}/git-http-backend", folder.trim_end()))
}

/// Without anybody's configuration of git.
pub fn hermetic(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
}
