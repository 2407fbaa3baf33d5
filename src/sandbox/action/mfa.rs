//! Virtual MFA devices: made, enabled for a user, deactivated, deleted. Codes are not checked.

use super::super::error::Refusal;
use super::super::identity::ACCOUNT_ID;
use super::super::params::Params;
use super::super::state::{MfaDevice, State};
use super::super::validate;
use super::super::xml::{Xml, date};
use super::user::{With, visible};
use super::{Context, Page, user_name};

/// MFA devices of one user (IAM quotas).
const MFA_DEVICES_MAX: usize = 8;

/// CreateVirtualMFADevice.
pub(super) fn create(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "VirtualMFADeviceName", 226)?;
    let serial = format!("arn:aws:iam::{ACCOUNT_ID}:mfa{}{name}", validate::path(params)?);
    if state.mfa_devices.contains_key(&serial) {
        return Err(Refusal::already_exists("MFADevice entity at the same path and name already exists."));
    }
    let device = MfaDevice { serial: serial.clone(), created: context.now, user: None };
    state.put_mfa_device(&serial, Some(device));
    let mut xml = Xml::default();
    // A seed is base64 of a base32 text; this one says what it is: SIMULATED.
    xml.element("VirtualMFADevice", |xml| {
        xml.text("SerialNumber", &serial).text("Base32StringSeed", "U0lNVUxBVEVE").text("QRCodePNG", "U0lNVUxBVEVE");
    });
    Ok(xml)
}

/// EnableMFADevice, with any two codes of six digits.
pub(super) fn enable(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "UserName", 128)?;
    let serial = params.need("SerialNumber")?;
    for code in ["AuthenticationCode1", "AuthenticationCode2"] {
        let value = params.need(code)?;
        if value.len() != 6 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::validation(format!("The specified value for {code} is not six digits.")));
        }
    }
    state.user(name)?;
    let mut device = state.mfa_devices.get(serial).cloned().ok_or_else(|| no_device(serial))?;
    if device.user.is_some() {
        return Err(Refusal::already_exists("MFA Device is already in use."));
    }
    let user = state.user_mut(name)?;
    if user.mfa.len() >= MFA_DEVICES_MAX {
        return Err(Refusal::quota("MFADevicesPerUser", MFA_DEVICES_MAX));
    }
    user.mfa.insert(serial.to_owned(), context.now);
    device.user = Some(name.to_lowercase());
    state.put_mfa_device(serial, Some(device));
    Ok(Xml::default())
}

/// DeactivateMFADevice.
pub(super) fn deactivate(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = user_name(context, params)?;
    let serial = params.need("SerialNumber")?;
    visible(state, context, &name)?;
    state.user_mut(&name)?.mfa.remove(serial).ok_or_else(|| no_device(serial))?;
    if let Some(device) = state.mfa_devices.get(serial).cloned() {
        state.put_mfa_device(serial, Some(MfaDevice { user: None, ..device }));
    }
    Ok(Xml::default())
}

/// ListMFADevices.
pub(super) fn list(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = visible(state, context, &user_name(context, params)?)?;
    let page = Page::cut(&user.mfa, |(serial, _)| serial.as_str(), context, params)?;
    Ok(page.write("MFADevices", |xml, (serial, enabled)| {
        xml.text("UserName", &user.name).text("SerialNumber", serial).text("EnableDate", &date(*enabled));
    }))
}

/// ListVirtualMFADevices.
pub(super) fn list_virtual(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let status = params.get("AssignmentStatus").unwrap_or("Any");
    let devices = state.mfa_devices.iter().filter(|(_, device)| match status {
        "Assigned" => device.user.is_some(),
        "Unassigned" => device.user.is_none(),
        _ => true,
    });
    let page = Page::cut(devices, |(serial, _)| serial.as_str(), context, params)?;
    Ok(page.write("VirtualMFADevices", |xml, (serial, device)| {
        xml.text("SerialNumber", serial);
        if let Some(user) = device.user.as_ref().and_then(|user| state.users.get(user)) {
            xml.element("User", |xml| super::user::write(xml, user, With::NoTags));
            xml.maybe("EnableDate", user.mfa.get(serial).map(|&enabled| date(enabled)).as_deref());
        }
    }))
}

/// DeleteVirtualMFADevice.
pub(super) fn delete(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let serial = params.need("SerialNumber")?;
    let device = state.mfa_devices.get(serial).ok_or_else(|| no_device(serial))?;
    if device.user.is_some() {
        return Err(Refusal::conflict("MFA VirtualDevice in use. Must deactivate first."));
    }
    state.put_mfa_device(serial, None);
    Ok(Xml::default())
}

fn no_device(serial: &str) -> Refusal {
    Refusal::no_such_entity(format!("MFA Device with serial number {serial} does not exist."))
}
