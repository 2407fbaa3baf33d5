//! The other credentials a user may have. Nothing in the simulation can be opened with them; they are here
//! because each of them stops DeleteUser.

use super::super::error::Refusal;
use super::super::params::Params;
use super::super::state::{Certificate, LoginProfile, ServiceCredential, SshKey, State};
use super::super::validate;
use super::super::xml::{Xml, date};
use super::key::status_text;
use super::user::visible;
use super::{Context, Page, random, unique_id, user_name};

/// Of each sort, for one user (IAM quotas).
const SSH_KEYS_MAX: usize = 5;
const CERTIFICATES_MAX: usize = 2;
const SERVICE_CREDENTIALS_PER_SERVICE_MAX: usize = 2;

/// CreateLoginProfile. The password is not kept: there is no console to use it at.
pub(super) fn create_login_profile(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = user_name(context, params)?;
    let user = state.user_mut(&name)?;
    if user.login_profile.is_some() {
        return Err(Refusal::already_exists(format!("Login Profile for user {name} already exists.")));
    }
    let reset_required = params.get("PasswordResetRequired") == Some("true");
    let profile = LoginProfile { created: context.now, reset_required };
    user.login_profile = Some(profile.clone());
    Ok(profile_xml(&name, &profile))
}

/// GetLoginProfile.
pub(super) fn get_login_profile(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = visible(state, context, &user_name(context, params)?)?;
    let profile = user.login_profile.as_ref().ok_or_else(|| no_login_profile(&user.name))?;
    Ok(profile_xml(&user.name, profile))
}

/// UpdateLoginProfile.
pub(super) fn update_login_profile(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "UserName", 128)?;
    let profile = state.user_mut(name)?.login_profile.as_mut().ok_or_else(|| no_login_profile(name))?;
    if let Some(required) = params.get("PasswordResetRequired") {
        profile.reset_required = required == "true";
    }
    Ok(Xml::default())
}

/// DeleteLoginProfile.
pub(super) fn delete_login_profile(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = user_name(context, params)?;
    visible(state, context, &name)?;
    let profile = state.user_mut(&name)?.login_profile.take();
    profile.map(|_| Xml::default()).ok_or_else(|| no_login_profile(&name))
}

/// UploadSSHPublicKey.
pub(super) fn upload_ssh_key(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = user_name(context, params)?;
    let body = params.need("SSHPublicKeyBody")?.to_owned();
    let user = state.user_mut(&name)?;
    if user.ssh_keys.len() >= SSH_KEYS_MAX {
        return Err(Refusal::quota("SSHPublicKeysPerUser", SSH_KEYS_MAX));
    }
    let key = SshKey { id: unique_id("APKA", 17)?, body, active: true, created: context.now };
    let mut xml = Xml::default();
    xml.element("SSHPublicKey", |xml| {
        xml.text("UserName", &name).text("SSHPublicKeyId", &key.id).text("Fingerprint", "simulated");
        xml.text("SSHPublicKeyBody", &key.body).text("Status", "Active").text("UploadDate", &date(key.created));
    });
    user.ssh_keys.push(key);
    Ok(xml)
}

/// ListSSHPublicKeys.
pub(super) fn list_ssh_keys(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = visible(state, context, &user_name(context, params)?)?;
    let keys = sorted(&user.ssh_keys, |key| &key.id);
    let page = Page::cut(keys, |key| key.id.as_str(), context, params)?;
    Ok(page.write("SSHPublicKeys", |xml, key| {
        xml.text("UserName", &user.name).text("SSHPublicKeyId", &key.id).text("Status", status_text(key.active));
        xml.text("UploadDate", &date(key.created));
    }))
}

/// DeleteSSHPublicKey.
pub(super) fn delete_ssh_key(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let (name, id) = (user_name(context, params)?, params.need("SSHPublicKeyId")?);
    visible(state, context, &name)?;
    remove(&mut state.user_mut(&name)?.ssh_keys, |key| key.id == id)
        .ok_or_else(|| Refusal::no_such_entity(format!("The Public Key with id {id} cannot be found.")))
}

/// UploadSigningCertificate.
pub(super) fn upload_certificate(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = user_name(context, params)?;
    let body = params.need("CertificateBody")?.to_owned();
    let user = state.user_mut(&name)?;
    if user.certificates.len() >= CERTIFICATES_MAX {
        return Err(Refusal::quota("SigningCertificatesPerUser", CERTIFICATES_MAX));
    }
    let certificate = Certificate { id: unique_id("", 32)?, body, active: true, created: context.now };
    let mut xml = Xml::default();
    xml.element("Certificate", |xml| write_certificate(xml, &name, &certificate));
    user.certificates.push(certificate);
    Ok(xml)
}

/// ListSigningCertificates.
pub(super) fn list_certificates(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = visible(state, context, &user_name(context, params)?)?;
    let certificates = sorted(&user.certificates, |certificate| &certificate.id);
    let page = Page::cut(certificates, |certificate| certificate.id.as_str(), context, params)?;
    Ok(page.write("Certificates", |xml, certificate| write_certificate(xml, &user.name, certificate)))
}

/// DeleteSigningCertificate.
pub(super) fn delete_certificate(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let (name, id) = (user_name(context, params)?, params.need("CertificateId")?);
    visible(state, context, &name)?;
    remove(&mut state.user_mut(&name)?.certificates, |certificate| certificate.id == id)
        .ok_or_else(|| Refusal::no_such_entity(format!("The Certificate with id {id} cannot be found.")))
}

/// CreateServiceSpecificCredential.
pub(super) fn create_service_credential(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = user_name(context, params)?;
    let service = params.need("ServiceName")?.to_owned();
    let user = state.user_mut(&name)?;
    let same = user.service_credentials.iter().filter(|credential| credential.service == service).count();
    if same >= SERVICE_CREDENTIALS_PER_SERVICE_MAX {
        return Err(Refusal::quota("ServiceSpecificCredentialsPerUser", SERVICE_CREDENTIALS_PER_SERVICE_MAX));
    }
    let credential = ServiceCredential {
        id: unique_id("ACCA", 17)?,
        service,
        user_name: format!("{name}-at-{}", super::super::identity::ACCOUNT_ID),
        active: true,
        created: context.now,
    };
    let password = random("", 32, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?;
    let mut xml = Xml::default();
    xml.element("ServiceSpecificCredential", |xml| {
        write_service_credential(xml, &name, &credential);
        xml.text("ServicePassword", &password);
    });
    user.service_credentials.push(credential);
    Ok(xml)
}

/// ListServiceSpecificCredentials; like AWS's, it has no pages unless asked.
pub(super) fn list_service_credentials(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = visible(state, context, &user_name(context, params)?)?;
    let service = params.get("ServiceName");
    let mut credentials = sorted(&user.service_credentials, |credential| &credential.id);
    credentials.retain(|credential| service.is_none_or(|service| credential.service == service));
    let page = Page::cut(credentials, |credential| credential.id.as_str(), context, params)?;
    Ok(page
        .write("ServiceSpecificCredentials", |xml, credential| write_service_credential(xml, &user.name, credential)))
}

/// DeleteServiceSpecificCredential.
pub(super) fn delete_service_credential(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let (name, id) = (user_name(context, params)?, params.need("ServiceSpecificCredentialId")?);
    visible(state, context, &name)?;
    remove(&mut state.user_mut(&name)?.service_credentials, |credential| credential.id == id).ok_or_else(|| {
        Refusal::no_such_entity(format!("The service specific credential with id {id} cannot be found."))
    })
}

fn sorted<T>(items: &[T], id: impl Fn(&T) -> &String) -> Vec<&T> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort_by(|a, b| id(a).cmp(id(b)));
    items
}

/// Removes what fits; `None` when nothing does.
fn remove<T>(items: &mut Vec<T>, fits: impl Fn(&T) -> bool) -> Option<Xml> {
    let at = items.iter().position(fits)?;
    items.remove(at);
    Some(Xml::default())
}

fn no_login_profile(user: &str) -> Refusal {
    Refusal::no_such_entity(format!("Login Profile for User {user} cannot be found."))
}

fn profile_xml(user: &str, profile: &LoginProfile) -> Xml {
    let mut xml = Xml::default();
    xml.element("LoginProfile", |xml| {
        xml.text("UserName", user).text("CreateDate", &date(profile.created));
        xml.text("PasswordResetRequired", if profile.reset_required { "true" } else { "false" });
    });
    xml
}

fn write_certificate(xml: &mut Xml, user: &str, certificate: &Certificate) {
    xml.text("UserName", user).text("CertificateId", &certificate.id).text("CertificateBody", &certificate.body);
    xml.text("Status", status_text(certificate.active)).text("UploadDate", &date(certificate.created));
}

fn write_service_credential(xml: &mut Xml, user: &str, credential: &ServiceCredential) {
    xml.text("UserName", user).text("ServiceSpecificCredentialId", &credential.id);
    xml.text("ServiceName", &credential.service).text("ServiceUserName", &credential.user_name);
    xml.text("Status", status_text(credential.active)).text("CreateDate", &date(credential.created));
}
