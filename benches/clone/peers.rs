//! Stock git's own servers.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::options::Options;
use crate::servers::{RunningProgram, Server, free_address, hermetic};
use crate::store::Store;

/// Starts `git http-backend` behind nginx and fcgiwrap.
pub fn http_backend(options: &Options, store: &Store, dir: &Path) -> Result<Server> {
    let (nginx_address, fcgi_address) = (free_address()?, free_address()?);
    let mut fcgiwrap = Command::new(&options.fcgiwrap);
    let processes = std::thread::available_parallelism()?.to_string();
    fcgiwrap.args(["-c", &processes, "-s", &format!("tcp:{fcgi_address}")]);
    let fcgiwrap = RunningProgram::start(hermetic(&mut fcgiwrap), fcgi_address)?;
    let program = backend_program()?;
    let nginx_dir = dir.join("nginx");
    fs::create_dir(&nginx_dir)?;
    let work = nginx_dir.display();
    let root = store.root.display();
    let config = format!(
        "daemon off; pid {work}/pid; error_log {work}/log; worker_processes auto;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fastcgi;
            uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
            server {{
                listen {nginx_address};
                client_max_body_size 0;
                location ~ ^/store(/.*)$ {{
                    fastcgi_pass {fcgi_address};
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
    let config_file = nginx_dir.join("nginx.conf");
    fs::write(&config_file, config)?;
    let mut nginx = Command::new(&options.nginx);
    nginx.arg("-c").arg(&config_file);
    nginx.arg("-e").arg(nginx_dir.join("log"));
    let nginx = RunningProgram::start(&mut nginx, nginx_address)?;
    let url = format!("http://{nginx_address}/store");
    Ok(Server::new(
        "http-backend, nginx",
        url,
        vec![nginx, fcgiwrap],
    ))
}

/// Starts `git daemon`, which serves git's own protocol.
pub fn daemon(store: &Store) -> Result<Server> {
    let address = free_address()?;
    let mut daemon = Command::new("git");
    daemon
        .args(["-c", "safe.directory=*", "daemon", "--export-all"])
        .arg("--listen=127.0.0.1")
        .arg(format!("--port={}", address.port()))
        .arg(format!("--base-path={}", store.root.display()));
    let running = RunningProgram::start(hermetic(&mut daemon), address)?;
    let url = format!("git://{address}/");
    Ok(Server::new("git daemon", url, vec![running]))
}

/// Returns the path of the CGI program.
fn backend_program() -> Result<String> {
    let output = Command::new("git").arg("--exec-path").output()?;
    let exec_path = String::from_utf8(output.stdout)?;
    Ok(format!("{}/git-http-backend", exec_path.trim_end()))
}
