//! A real browser without a window: chromium, driven by chromedriver over WebDriver (W3C), which is JSON over HTTP.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http_exchange::exchange;

/// Far longer than a page takes to show something: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// The key under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one page. It ends when it is dropped.
pub struct Browser {
    driver: Child,
    /// Open as long as it runs: it ends when it cannot write.
    _output: BufReader<ChildStdout>,
    address: SocketAddr,
    session: String,
}

impl Browser {
    /// Starts one. Every name below `.test` is this machine for it: each name gets a connection of its own, as each
    /// visitor has. Where there is no chromium, or no chromedriver, it says so, and the test is to end.
    pub fn start() -> Option<Self> {
        let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(program);
        let (Some(browser), Some(driver)) = (browser, program("chromedriver")) else {
            skipped("it needs a browser: apt-get install chromium chromium-driver");
            return None;
        };
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut output = BufReader::new(driver.stdout.take().expect("its output is piped"));
        let started = output.by_ref().lines().map_while(Result::ok).find_map(|line| {
            line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok()
        });
        let address =
            SocketAddr::from(([127, 0, 0, 1], started.expect("chromedriver says where it listens")));
        let mut browser_started = Self { driver, _output: output, address, session: String::new() };
        // Chromium cannot build its own sandbox as root or in many containers; it only sees pages of this test.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=900,1200",
            "--host-resolver-rules=MAP *.test 127.0.0.1",
            "--no-proxy-server",
        ];
        let options = json!({ "binary": browser, "args": arguments });
        let capabilities = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let session = browser_started.command("POST", "/session", &capabilities);
        browser_started.session = session["sessionId"].as_str().expect("a session").to_owned();
        Some(browser_started)
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.post("refresh", &json!({}));
    }

    /// What a script returns.
    pub fn script(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// As a person would: types into the element that a selector names, after what is there.
    pub fn type_into(&self, selector: &str, text: &str) {
        self.post(&format!("element/{}/value", self.element(selector)), &json!({ "text": text }));
    }

    /// As a person would: clicks an element. A page that comes of it is waited for.
    pub fn click(&self, selector: &str) {
        self.post(&format!("element/{}/click", self.element(selector)), &json!({}));
    }

    /// The text of an element as it is seen.
    pub fn text(&self, selector: &str) -> String {
        let path = format!("/session/{}/element/{}/text", self.session, self.element(selector));
        self.command("GET", &path, &Value::Null).as_str().expect("a text").to_owned()
    }

    /// Waits until a script returns true.
    pub fn wait_until(&self, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.script(script) != json!(true) {
            assert!(
                Instant::now() < deadline,
                "never true: {script}: {}",
                self.script("return document.body.outerHTML")
            );
        }
    }

    /// The page as a picture, PNG in base64.
    pub fn screenshot(&self) -> String {
        let path = format!("/session/{}/screenshot", self.session);
        self.command("GET", &path, &Value::Null).as_str().expect("a picture").to_owned()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        self.command("POST", &format!("/session/{}/{command}", self.session), body)
    }

    /// One command of WebDriver, which must succeed.
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("content-type", "application/json; charset=utf-8")];
        let response = exchange(self.address, method, path, &headers, &body).expect("chromedriver answers");
        let mut answer: Value = serde_json::from_slice(&response.body).expect("chromedriver answers in JSON");
        assert_eq!(response.status, 200, "{method} {path} {body}: {}", answer["value"]["message"]);
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser goes with its session; the test may have failed because they did not answer.
        if !self.session.is_empty() {
            let _ = exchange(self.address, "DELETE", &format!("/session/{}", self.session), &[], "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Says that a test ends without having tested anything, even when the test runner keeps the output of tests to itself.
pub fn skipped(why: &str) {
    let _ =
        writeln!(std::io::stderr(), "skipped: {}: {why}", std::thread::current().name().unwrap_or("a test"));
}

/// Where a program is.
fn program(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}
