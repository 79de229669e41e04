//! Reports over HTTP: what a server can answer, and what is said about it. Servers of this test, on the loopback.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use plimsoll_memory::report::{Profile, Report, Role, proc};

use super::{refused, run, runtime, shown};

/// Serves one connection: reads the head of a request, then answers as it is told. The thread returns the head.
fn serve(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/report", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        answer(&mut stream);
        String::from_utf8(head).unwrap()
    });
    (address, server)
}

fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// What memcalc says about a server that answers with this text.
#[track_caller]
fn said_of(answer: String) -> (String, String) {
    let (address, server) = serve(move |stream| stream.write_all(answer.as_bytes()).unwrap());
    let runtime = runtime();
    let said = refused(&run(runtime.path(), &[&address]));
    server.join().unwrap();
    (address, said)
}

const PATH_HELP: &str = "help: the address has to be that of the report, path included\n";

#[test]
fn a_report() {
    let report =
        Report::new(proc::own_process(Role::JobManager).unwrap(), Profile::Native, proc::now_unix_ms());
    let json = report.to_json();
    let (address, server) = serve(move |stream| {
        stream.write_all(response("200 OK", "Content-Type: application/json\r\n", &json).as_bytes()).unwrap();
    });
    let runtime = runtime();
    let answer = shown(&run(runtime.path(), &[&address, "-o", "json"]));
    assert_eq!(Report::from_json(answer.as_bytes()).unwrap(), report);
    let head = server.join().unwrap();
    assert!(head.starts_with("GET /report HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("accept: application/json\r\n") && head.contains("user-agent: memcalc/"), "{head}");
}

#[test]
fn answers_that_are_no_report() {
    let (address, said) = said_of(response("404 Not Found", "", "no"));
    assert_eq!(said, format!("error: {address} answers with status 404\n{PATH_HELP}"));
    let html = "<!doctype html>\n<title>Flink</title>";
    let (address, said) = said_of(response("200 OK", "Content-Type: text/html\r\n", html));
    assert_eq!(
        said,
        format!(
            "error: {address} answers, but with no report: it is no JSON at line 1, column 1; it begins with \
             '<!doctype html>'\n{PATH_HELP}"
        )
    );
    let (address, said) = said_of(response("200 OK", "", "{\"version\": 2}"));
    assert_eq!(
        said,
        format!(
            "error: {address} answers, but with no report: it is a report of version 2, and version 1 is read here\n\
             help: use the memcalc of the same release as the process\n"
        )
    );
    let (address, said) = said_of(response("200 OK", "", "{\"taskmanagers\": []}"));
    assert!(
        said.contains("it is JSON, but no report: missing field `version`") && said.contains(&address),
        "{said}"
    );
    let (address, said) = said_of("220 mail.example ESMTP\r\n".to_owned());
    assert!(said.starts_with(&format!("error: no report from {address}: ")), "{said}");
}

/// Only the address that was given is ever spoken to.
#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let target = format!("http://{}/", elsewhere.local_addr().unwrap());
    let (address, said) = said_of(response("302 Found", &format!("Location: {target}\r\n"), ""));
    assert_eq!(
        said,
        format!(
            "error: {address} answers with status 302 and points to {target}\nhelp: give that address, if you trust it\n"
        )
    );
    assert!(elsewhere.accept().is_err(), "somebody came");
}

#[test]
fn a_body_that_never_ends() {
    let (address, server) = serve(|stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"version\": 1, \"x\": \"";
        stream.write_all(head.as_bytes()).unwrap();
        // until the other side has had enough
        while stream.write_all(&[b'x'; 8 << 10]).is_ok() {}
    });
    let runtime = runtime();
    let said = refused(&run(runtime.path(), &[&address, "--timeout", "60"]));
    assert_eq!(
        said,
        format!("error: {address} answers with more than the 16 MiB that are read: it is no report\n")
    );
    server.join().unwrap();
}

#[test]
fn a_server_that_does_not_go_on() {
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"version\""] {
        let (address, server) = serve(move |stream| {
            stream.write_all(head.as_bytes()).unwrap();
            // until the other side has gone
            let _ = stream.read(&mut [0]);
        });
        let runtime = runtime();
        let said = refused(&run(runtime.path(), &[&address, "--timeout", "0.3"]));
        assert_eq!(
            said,
            format!(
                "error: no report from {address}: it did not answer in full within the time (--timeout)\n\
                 help: is the process running, and is this its port?\n"
            )
        );
        server.join().unwrap();
    }
}

#[test]
fn nobody_there() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let runtime = runtime();
    let said = refused(&run(runtime.path(), &[&format!("http://127.0.0.1:{port}/")]));
    assert!(
        said.starts_with(&format!("error: no report from http://127.0.0.1:{port}/: Connection refused")),
        "{said}"
    );
    let said = refused(&run(runtime.path(), &["http://[::1/"]));
    assert!(said.contains("that is no address"), "{said}");
}
