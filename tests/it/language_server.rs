//! An editor on an estate in YAML: the language server that editors run, unchanged, with the schema that `leasehold schema`
//! prints. It marks what is no word, completes what is one, and shows its help.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::python;

/// A conversation with the server, as the Language Server Protocol has it: JSON with its length before it.
struct Editor {
    child: Child,
    says: ChildStdin,
    hears: BufReader<ChildStdout>,
    asked: i64,
}

impl Editor {
    fn open(root: &Path) -> Self {
        let mut child = Command::new("node")
            .arg(python::language_server())
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let (says, hears) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut editor = Self { child, says, hears, asked: 0 };
        let capabilities = json!({ "workspace": { "configuration": true }, "textDocument": { "hover": {} } });
        let root = format!("file://{}", root.display());
        editor.ask("initialize", &json!({ "processId": null, "rootUri": root, "capabilities": capabilities }));
        editor.tell("initialized", &json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.says, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.says.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The next message. What the server asks for is answered: no setting but that it asks nobody else for schemas.
    fn next(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.hears.read_line(&mut line).unwrap() > 0, "the server went away");
            if line.trim().is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("Content-Length: ") {
                length = text.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.hears.read_exact(&mut body).unwrap();
        let message: Value = serde_json::from_slice(&body).unwrap();
        if let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) {
            let set = |item: &Value| match item["section"].as_str() {
                Some("yaml") => {
                    json!({ "schemaStore": { "enable": false }, "completion": true, "hover": true, "validate": true })
                }
                _ => json!({}),
            };
            let result = match method {
                "workspace/configuration" => message["params"]["items"].as_array().unwrap().iter().map(set).collect(),
                _ => Value::Null,
            };
            self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        }
        message
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.next();
            if message["id"] == id && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{message}");
                return message["result"].clone();
            }
        }
    }

    /// What is marked in a file.
    fn marked(&mut self, file: &Path) -> Vec<String> {
        let (uri, text) = (format!("file://{}", file.display()), std::fs::read_to_string(file).unwrap());
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", &json!({ "textDocument": document }));
        loop {
            let message = self.next();
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == *uri {
                let all = message["params"]["diagnostics"].as_array().unwrap();
                let told =
                    |one: &Value| format!("{}: {}", one["range"]["start"]["line"], one["message"].as_str().unwrap());
                return all.iter().map(told).collect();
            }
        }
    }

    fn at(file: &Path, line: u32, character: u32) -> Value {
        let uri = format!("file://{}", file.display());
        json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } })
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const FIRST: &str = "# yaml-language-server: $schema=leasehold.schema.json\n";

#[test]
fn an_editor_completes_explains_and_marks() {
    let env = TestEnv::new();
    env.write("estate/leasehold.schema.json", &env.ok(&["schema"]));
    // The tutorial in YAML has nothing that is marked.
    let tutorial = env.copy_tree("examples/tutorial-yaml", "estate");
    let mut editor = Editor::open(&tutorial);
    let mut seen = 0;
    for (name, text) in env.files("estate") {
        if name.ends_with(".yaml") {
            let file = env.write(&format!("estate/{name}"), &format!("{FIRST}{text}"));
            // A file in a folder names the schema from there.
            let up = "../".repeat(name.matches('/').count());
            let text = std::fs::read_to_string(&file).unwrap().replace("$schema=", &format!("$schema={up}"));
            std::fs::write(&file, text).unwrap();
            assert_eq!(editor.marked(&file), Vec::<String>::new(), "{name}");
            seen += 1;
        }
    }
    assert!(seen > 3, "{seen}");
    // A word that is none is marked where it stands.
    let wrong = "app:\n  web:\n    role:\n      web:\n        policy_arn: [x]\n";
    let file = env.write("estate/wrong.yaml", &format!("{FIRST}{wrong}"));
    let marked = editor.marked(&file);
    assert!(marked.len() == 1 && marked[0].starts_with("5: ") && marked[0].contains("policy_arn"), "{marked:?}");
    // What may stand there is completed, and explained.
    let open = "app:\n  web:\n    role:\n      web:\n        credential_type: iam_user\n        \n";
    let file = env.write("estate/open.yaml", &format!("{FIRST}{open}"));
    editor.marked(&file);
    let found = editor.ask("textDocument/completion", &Editor::at(&file, 6, 8));
    let labels: Vec<&str> =
        found["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect();
    assert!(["policy_arns", "policy_document", "max_sts_ttl"].iter().all(|word| labels.contains(word)), "{labels:?}");
    let shown = editor.ask("textDocument/hover", &Editor::at(&file, 5, 12));
    let help = env.ok(&["explain", "role.credential_type"]);
    let said = shown["contents"]["value"].as_str().unwrap_or_default();
    let line = help.lines().find(|line| said.contains(line.trim()) && line.trim().len() > 20);
    assert!(line.is_some(), "{said}\n{help}");
}
