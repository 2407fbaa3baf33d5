//! What an agent's file says: where it listens, and for which apps.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::cli::app::{AppFile, Written};
use crate::cli::error::CliError;
use crate::cli::global::{JWT, PASSWORD, SECRET_ID};
use crate::estate::{self, Sources};
use crate::keeper::{KeptFile, LOOK_EVERY, MODE_FIX};
use crate::units::duration;

/// More is no such file.
const BYTES_MAX: u64 = 1 << 20;
/// Where it listens unless something else is said.
const LISTEN_DEFAULT: &str = "127.0.0.1:9911";

/// The file. It holds no secret, but names files that do.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The engine's address, for apps that name none.
    address: Option<String>,
    /// The namespace there, for apps that name neither.
    namespace: Option<String>,
    /// Where it listens.
    listen: Option<String>,
    /// The file of the token that clients show.
    pub(super) token_file: Option<PathBuf>,
    /// How often it is asked whether what is served is there still, as a duration.
    look_every: Option<String>,
    /// The apps, by the name under which their credentials are asked for.
    pub(super) apps: BTreeMap<String, AppConfig>,
}

/// One app.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppConfig {
    address: Option<String>,
    namespace: Option<String>,
    /// The app's name, where that is another.
    app: Option<String>,
    role: Option<String>,
    login: Option<String>,
    login_mount: Option<String>,
    login_role: Option<String>,
    role_arn: Option<String>,
    ttl: Option<Written>,
    role_session_name: Option<String>,
    /// What the app shows when it logs in; what is left out comes from the environment.
    role_id: Option<String>,
    secret_id_file: Option<String>,
    password_file: Option<String>,
    jwt_file: Option<String>,
    /// The files that are written for it.
    #[serde(default)]
    pub(super) files: Vec<KeptFile>,
}

/// Where an agent listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listen {
    /// On loopback.
    Tcp(SocketAddr),
    /// On a unix socket.
    Unix(PathBuf),
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// A file that can't be read, is no YAML, or says something that is not known.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let failed = |why: String| CliError::new(1, format!("{} can't be used: {why}", path.display()));
        let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if length > BYTES_MAX {
            return Err(failed(format!("it has more than {} MiB", BYTES_MAX >> 20)));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let sources = Sources::from_texts([(path.display().to_string(), text.clone())], []);
        let problems = estate::yaml_problems(&sources);
        if !problems.is_empty() {
            let shown = estate::render(&problems, &sources, false);
            return Err(CliError::plain(1, format!("{}\n\n{} can't be used", shown.trim_end(), path.display())));
        }
        let config: Self = serde_yaml::from_str(&text).map_err(|error| failed(error.to_string()))?;
        if config.apps.is_empty() {
            return Err(failed("it names no app".to_owned()));
        }
        for (name, app) in &config.apps {
            let in_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
            if name.is_empty() || !name.chars().all(in_path) {
                let hint = "letters, digits, '-', '_', '.' and '@': it stands in the address where clients ask";
                return Err(failed(format!("{name:?} is no name for an app here")).hint(hint));
            }
            for file in &app.files {
                file.mode().map_err(|why| CliError::new(1, format!("{}: {why}", path.display())).hint(MODE_FIX))?;
            }
        }
        config.look_every().map_err(|error| failed(error.message))?;
        config.nothing_idle().map_err(failed)?;
        config.one_writer_each().map_err(failed)?;
        Ok(config)
    }

    /// How often it is asked whether what is served is there still.
    ///
    /// # Errors
    /// What is no duration, or so short that it would be asked all the time.
    pub(super) fn look_every(&self) -> Result<Duration, CliError> {
        let Some(text) = &self.look_every else { return Ok(LOOK_EVERY) };
        let failed = |why: &str| CliError::new(1, format!("`look_every` {text:?} {why}")).hint("look_every: 1m");
        let seconds = duration::parse(text).map_err(|why| failed(&why))?;
        match u64::try_from(seconds) {
            Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
            _ => Err(failed("is less than a second")),
        }
    }

    /// Refuses an engine that nobody goes to: where no `login` is said, the estate says which it is.
    fn nothing_idle(&self) -> Result<(), String> {
        let word = |address: &Option<String>, namespace: &Option<String>| match (address, namespace) {
            (Some(_), _) => Some("address"),
            (None, Some(_)) => Some("namespace"),
            (None, None) => None,
        };
        let idle = |word: &str, of: &str| {
            format!("`{word}` of {of} is for apps that name a `login`: of others the estate says which engine it is")
        };
        for (name, app) in self.apps.iter().filter(|(_, app)| app.login.is_none()) {
            if let Some(word) = word(&app.address, &app.namespace) {
                return Err(idle(word, name));
            }
        }
        match word(&self.address, &self.namespace) {
            Some(word) if self.apps.values().all(|app| app.login.is_none()) => Err(idle(word, "the file")),
            _ => Ok(()),
        }
    }

    /// Refuses two that would write over each other's file for ever.
    fn one_writer_each(&self) -> Result<(), String> {
        let mut writers: BTreeMap<PathBuf, &str> = BTreeMap::new();
        let files = self.apps.iter().flat_map(|(name, app)| app.files.iter().map(move |file| (name, file)));
        for (name, file) in files {
            // As far as its directory is there; where it is not, the file can't be written either.
            let directory =
                file.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let directory = std::fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
            let whole = file.path.file_name().map_or_else(|| file.path.clone(), |name| directory.join(name));
            if let Some(other) = writers.insert(whole, name) {
                let path = file.path.display();
                return Err(match other == name {
                    true => format!("{path} stands twice among the files of {name}"),
                    false => format!("{path} would be written for {other} and for {name}"),
                });
            }
        }
        Ok(())
    }

    /// Where it listens: what a flag says, else the file, else `127.0.0.1:9911`.
    ///
    /// # Errors
    /// What is neither an address on loopback nor `unix:PATH`.
    pub(super) fn listen(&self, flag: Option<&str>) -> Result<Listen, CliError> {
        let text = flag.or(self.listen.as_deref()).unwrap_or(LISTEN_DEFAULT);
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Listen::Unix(PathBuf::from(path)));
        }
        let hint = "an address on loopback, such as 127.0.0.1:9911, or unix:/path/to/socket";
        let address: SocketAddr =
            text.parse().map_err(|_| CliError::new(1, format!("{text:?} is nowhere to listen")).hint(hint))?;
        match address.ip().is_loopback() {
            true => Ok(Listen::Tcp(address)),
            false => {
                Err(CliError::new(1, format!("{address} is not on loopback: credentials are sent in clear")).hint(hint))
            }
        }
    }
}

impl AppConfig {
    /// What it says of the app. An estate is to say how it logs in where there is no `login`.
    pub(super) fn said(&self, name: &str, config: &Config) -> AppFile {
        AppFile {
            address: self.address.clone().or_else(|| config.address.clone()),
            namespace: self.namespace.clone().or_else(|| match self.address {
                // A server of its own has its own namespaces.
                Some(_) => None,
                None => config.namespace.clone(),
            }),
            app: Some(self.app.as_deref().unwrap_or(name).to_owned()),
            role: self.role.clone(),
            login: self.login.clone(),
            login_mount: self.login_mount.clone(),
            login_role: self.login_role.clone(),
            role_arn: self.role_arn.clone(),
            ttl: self.ttl.clone(),
            role_session_name: self.role_session_name.clone(),
        }
    }

    /// What it shows when it logs in, by the variables in which a command looks for it.
    pub(super) fn own(&self) -> BTreeMap<&'static str, String> {
        let own = [
            ("LEASEHOLD_ROLE_ID", &self.role_id),
            (SECRET_ID.file_variable, &self.secret_id_file),
            (PASSWORD.file_variable, &self.password_file),
            (JWT.file_variable, &self.jwt_file),
        ];
        own.into_iter().filter_map(|(variable, value)| Some((variable, value.clone()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Listen};
    use crate::keeper::Form;

    fn config(text: &str) -> Config {
        serde_yaml::from_str(text).expect("a file")
    }

    #[test]
    fn it_listens_where_nobody_else_can_hear() {
        let listen = |text: &str| Config::default().listen(Some(text));
        assert_eq!(listen("127.0.0.1:80").expect("loopback"), Listen::Tcp("127.0.0.1:80".parse().expect("an address")));
        assert_eq!(listen("[::1]:80").expect("loopback"), Listen::Tcp("[::1]:80".parse().expect("an address")));
        assert_eq!(listen("unix:/run/a").expect("a socket"), Listen::Unix("/run/a".into()));
        for text in ["0.0.0.0:80", "192.0.2.1:80", "[::]:80", "localhost:80", "80", ""] {
            let error = listen(text).expect_err(text);
            assert!(error.hints[0].contains("loopback"), "{error:?}");
        }
        assert_eq!(
            Config::default().listen(None).expect("a default"),
            Listen::Tcp("127.0.0.1:9911".parse().expect("one"))
        );
        assert_eq!(config("{listen: 'unix:a', apps: {}}").listen(None).expect("said"), Listen::Unix("a".into()));
    }

    #[test]
    fn what_an_app_shows_is_its_own() {
        let config =
            config("{address: 'https://a', apps: {web: {login: approle, role_id: r, secret_id_file: f}, b: {}}}");
        let web = &config.apps["web"];
        let own: Vec<_> = web.own().into_iter().collect();
        assert_eq!(own, [("LEASEHOLD_ROLE_ID", "r".to_owned()), ("LEASEHOLD_SECRET_ID_FILE", "f".to_owned())]);
        let file = web.said("web", &config);
        assert_eq!((file.address.as_deref(), file.app.as_deref()), (Some("https://a"), Some("web")));
        assert!(config.apps["b"].said("b", &config).login.is_none(), "an estate says how");
    }

    #[test]
    fn an_engine_that_nobody_goes_to_is_refused() {
        let idle = |text: &str| config(text).nothing_idle().err();
        for (text, part) in [
            ("{apps: {web: {address: 'https://a'}}}", "`address` of web"),
            ("{apps: {web: {namespace: a}, b: {login: approle}}}", "`namespace` of web"),
            ("{address: 'https://a', apps: {web: {}}}", "`address` of the file"),
            ("{namespace: a, apps: {web: {}, b: {}}}", "`namespace` of the file"),
        ] {
            let why = idle(text).expect(text);
            assert!(why.contains(part) && why.contains("the estate says"), "{why}");
        }
        let text =
            "{address: 'https://a', namespace: n, apps: {web: {login: cert}, own: {login: cert, address: b}, c: {}}}";
        assert_eq!(idle(text), None);
        let of = |name: &str| config(text).apps[name].said(name, &config(text)).namespace;
        assert_eq!((of("web").as_deref(), of("own")), (Some("n"), None), "another server has other namespaces");
    }

    #[test]
    fn modes_are_octal_and_forms_are_few() {
        let file = |text: &str| config(&format!("{{apps: {{a: {{files: [{text}]}}}}}}")).apps["a"].files[0].clone();
        assert_eq!(file("{path: a, form: env}").mode().expect("a default"), 0o600);
        let shared = file("{path: a, form: shared_credentials, mode: '0640'}");
        assert_eq!(
            (shared.mode().expect("a mode"), shared.form, &*shared.profile),
            (0o640, Form::SharedCredentials, "default")
        );
        for mode in ["0888", "1777", "rw", "-1"] {
            assert!(file(&format!("{{path: a, form: env, mode: '{mode}'}}")).mode().is_err(), "{mode}");
        }
        assert!(serde_yaml::from_str::<Config>("{apps: {a: {files: [{path: a, form: ini}]}}}").is_err());
    }
}
