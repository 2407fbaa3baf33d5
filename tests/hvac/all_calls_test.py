"""hvac, unchanged: every call that it has for logins, tokens, identity, AWS, KV, wrapping and what mounts them.

Run as `python all_calls_test.py ADDRESS CA_FILE CERTIFICATE KEY`: the server's address (TLS), the authority that it is to
be trusted by, and a client certificate that signs itself. The root token is in VAULT_TOKEN; the engine's AWS is a sandbox
or moto. Each public call of the classes below has to be answered once without an error, or stands in NOT_SERVED with the
reason; a call that is served and stands there is an error too.
"""

import functools
import inspect
import json
import os
import sys
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import hvac
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hvac import exceptions
from hvac.api import auth_methods, secrets_engines, system_backend

ADDRESS = CA_FILE = CERTIFICATE = KEY = ""

CLASSES = [
    auth_methods.Token,
    auth_methods.AppRole,
    auth_methods.Userpass,
    auth_methods.JWT,
    auth_methods.OIDC,
    auth_methods.Kubernetes,
    auth_methods.Cert,
    auth_methods.Aws,
    secrets_engines.Aws,
    secrets_engines.Identity,
    secrets_engines.KvV1,
    secrets_engines.KvV2,
    *(one for one in system_backend.SystemBackend.__mro__ if one.__module__.startswith("hvac.api.system_backend.")),
]

EC2 = "logins of EC2 instances are not served"
SIGNER = "the engine signs no tokens of its own for others"
KEYS = "it takes a server that shares open: keys_test.py"
RAFT = "the engine is one process"
ENTERPRISE = "Vault Enterprise alone has it"
NOT_SERVED = {
    **{
        f"auth.Aws.{name}": EC2
        for name in """configure_identity_whitelist_tidy configure_role_tag_blacklist_tidy create_certificate_configuration
        create_role_tags delete_blacklist_tags delete_certificate_configuration delete_identity_whitelist_entries
        delete_identity_whitelist_tidy delete_role_tag_blacklist_tidy ec2_login list_blacklist_tags
        list_certificate_configurations list_identity_whitelist place_role_tags_in_blacklist
        read_certificate_configuration read_identity_whitelist read_identity_whitelist_tidy read_role_tag_blacklist
        read_role_tag_blacklist_tidy tidy_blacklist_tags tidy_identity_whitelist_entries""".split()
    },
    **{
        f"secrets.Identity.{name}": SIGNER
        for name in """configure_tokens_backend create_named_key create_or_update_role delete_named_key delete_role
        generate_signed_id_token introspect_signed_id_token list_named_keys list_roles read_active_public_keys
        read_named_key read_role read_tokens_backend_configuration read_well_known_configurations
        rotate_named_key""".split()
    },
    "auth.JWT.oidc_callback": "it takes a browser: tests/it/wire_oidc.rs",
    "auth.JWT.oidc_authorization_url_request": "it takes an issuer: tests/it/wire_oidc.rs",
    "sys.Mount.retrieve_mount_option": "it reads what another call answered",
    "sys.Init.initialize": KEYS,
    **{f"sys.Key.{name}": KEYS for name in dir(system_backend.Key) if not name.startswith("_")},
    **{f"sys.Seal.{name}": KEYS for name in ("seal", "submit_unseal_key", "submit_unseal_keys")},
    **{f"sys.Raft.{name}": RAFT for name in dir(system_backend.Raft) if not name.startswith("_")},
    **{f"sys.Namespace.{name}": "there is one namespace" for name in ("create_namespace", "delete_namespace", "list_namespaces")},
    "sys.Leader.step_down": RAFT,
    **{f"sys.Policies.{name}": ENTERPRISE for name in dir(system_backend.Policies) if "_rgp_" in name or "_egp_" in name},
}


def name_of(cls):
    return f"{cls.__module__.split('.')[2].replace('auth_methods', 'auth').replace('secrets_engines', 'secrets').replace('system_backend', 'sys')}.{cls.__name__}"


def calls(cls):
    """Those that ask a server."""
    named = [name for name, one in vars(cls).items() if inspect.isfunction(one) and not name.startswith("_")]
    return [name for name in named if name != "resolve_path"]


CALLED = set()


def count(cls, name):
    inner = vars(cls)[name]

    @functools.wraps(inner)
    def outer(self, *args, **kwargs):
        answer = inner(self, *args, **kwargs)
        CALLED.add(f"{name_of(cls)}.{name}")
        return answer

    setattr(cls, name, outer)


for one in CLASSES:
    for call in calls(one):
        count(one, call)


def client(token=None):
    return hvac.Client(url=ADDRESS, token=token, verify=CA_FILE)


def account(service, key, secret):
    return boto3.client(
        service, endpoint_url=os.environ["TEST_AWS_ENDPOINT"], region_name="us-east-1",
        aws_access_key_id=key, aws_secret_access_key=secret,
    )


class Cluster(BaseHTTPRequestHandler):
    """An API server of Kubernetes that knows one token."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        user = {"username": "system:serviceaccount:web:deploy", "uid": "u-1"}
        body = json.dumps({"status": {"authenticated": True, "user": user}}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class AllCalls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = client(os.environ["VAULT_TOKEN"])
        cls.sys = cls.root.sys
        cls.make_account()

    @classmethod
    def make_account(cls):
        """A user for the engine that may do anything, and a role that it may assume."""
        iam = account("iam", os.environ["TEST_AWS_ACCESS_KEY"], os.environ["TEST_AWS_SECRET_KEY"])
        iam.create_user(UserName="hvac-engine")
        anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName="hvac-engine", PolicyName="all", PolicyDocument=json.dumps(anything))
        key = iam.create_access_key(UserName="hvac-engine")["AccessKey"]
        cls.keys = (key["AccessKeyId"], key["SecretAccessKey"])
        cls.principal = account("sts", *cls.keys).get_caller_identity()["Arn"]
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": cls.principal}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        made = iam.create_role(RoleName="hvac", AssumeRolePolicyDocument=trust)
        cls.role = made["Role"]["Arn"]
        for method in ("approle", "userpass", "jwt", "kubernetes", "cert", "aws"):
            cls.sys.enable_auth_method(method)

    def test_01_tokens(self):
        token = self.root.auth.token
        made = token.create(policies=["default"], ttl="30m", meta={"who": "hvac"})["auth"]
        self.assertEqual(token.lookup(made["client_token"])["data"]["meta"], {"who": "hvac"})
        self.assertEqual(token.lookup_accessor(made["accessor"])["data"]["id"], "")
        self.assertIn(made["accessor"], token.list_accessors()["data"]["keys"])
        self.assertEqual(token.renew(made["client_token"], increment="10m")["auth"]["lease_duration"], 600)
        self.assertEqual(token.renew_accessor(made["accessor"])["auth"]["client_token"], "")
        token.revoke_accessor(made["accessor"])
        orphan = token.create_orphan(policies=["default"])["auth"]
        self.assertTrue(orphan["orphan"])
        own = client(orphan["client_token"])
        self.assertTrue(own.auth.token.lookup_self()["data"]["orphan"])
        self.assertEqual(own.auth.token.renew_self()["auth"]["client_token"], orphan["client_token"])
        own.auth.token.revoke_self()
        parent = token.create(policies=["root"])["auth"]["client_token"]
        child = client(parent).auth.token.create(policies=["default"])["auth"]["client_token"]
        token.revoke_and_orphan_children(parent)
        self.assertTrue(token.lookup(child)["data"]["orphan"])
        token.revoke(child)
        with self.assertRaises(exceptions.Forbidden):
            token.lookup(child)
        token.create_or_update_role("ci", allowed_policies="default", orphan=True, token_period="1h")
        self.assertEqual(token.read_role("ci")["data"]["token_period"], 3600)
        self.assertEqual(token.list_roles()["data"]["keys"], ["ci"])
        self.assertTrue(token.create(role_name="ci")["auth"]["orphan"])
        token.delete_role("ci")
        token.tidy()

    def test_02_approle(self):
        approle = self.root.auth.approle
        approle.create_or_update_approle("app", token_ttl="20m", token_policies=["default"], secret_id_ttl="1h")
        self.assertEqual(approle.read_role("app")["data"]["token_ttl"], 1200)
        self.assertEqual(approle.list_roles()["data"]["keys"], ["app"])
        approle.update_role_id("app", "the-app")
        self.assertEqual(approle.read_role_id("app")["data"]["role_id"], "the-app")
        made = approle.generate_secret_id("app", metadata={"host": "a"})["data"]
        self.assertEqual(approle.read_secret_id("app", made["secret_id"])["data"]["metadata"], {"host": "a"})
        by_accessor = approle.read_secret_id_accessor("app", made["secret_id_accessor"])
        self.assertEqual(by_accessor["data"]["secret_id_ttl"], 3600)
        self.assertEqual(approle.list_secret_id_accessors("app")["data"]["keys"], [made["secret_id_accessor"]])
        login = client().auth.approle.login("the-app", made["secret_id"])["auth"]
        self.assertEqual(login["metadata"], {"host": "a", "role_name": "app"})
        approle.destroy_secret_id_accessor("app", made["secret_id_accessor"])
        own = approle.create_custom_secret_id("app", "chosen-by-hand")["data"]
        self.assertEqual(own["secret_id"], "chosen-by-hand")
        approle.destroy_secret_id("app", "chosen-by-hand")
        with self.assertRaises(exceptions.InvalidRequest):
            client().auth.approle.login("the-app", "chosen-by-hand")
        approle.delete_role("app")
        with self.assertRaises(exceptions.InvalidPath):
            approle.read_role("app")

    def test_03_userpass(self):
        userpass = self.root.auth.userpass
        userpass.create_or_update_user("ann", password="first", policies="default", token_ttl="20m")
        self.assertEqual(userpass.read_user("ann")["data"]["token_policies"], ["default"])
        self.assertEqual(userpass.list_user()["data"]["keys"], ["ann"])
        userpass.update_password_on_user("ann", "second")
        with self.assertRaises(exceptions.InvalidRequest):
            client().auth.userpass.login("ann", "first")
        self.assertEqual(client().auth.userpass.login("ann", "second")["auth"]["metadata"], {"username": "ann"})
        userpass.delete_user("ann")

    def test_04_jwt(self):
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        method = self.root.auth.jwt
        method.configure(jwt_validation_pubkeys=[public.decode()], bound_issuer="https://issuer.example")
        self.assertEqual(method.read_config()["data"]["bound_issuer"], "https://issuer.example")
        method.create_role(
            "ci", "sub", allowed_redirect_uris=[], bound_audiences=["engine"], bound_claims={"ref": "refs/heads/main"},
            token_policies=["default"],
        )
        self.assertEqual(method.read_role("ci")["data"]["bound_audiences"], ["engine"])
        self.assertEqual(method.list_roles()["data"]["keys"], ["ci"])
        now = int(time.time())
        claims = {"iss": "https://issuer.example", "sub": "octo", "aud": "engine", "iat": now, "exp": now + 300}
        good = jwt.encode({**claims, "ref": "refs/heads/main"}, key, algorithm="ES256")
        self.assertIn("default", client().auth.jwt.jwt_login("ci", good)["auth"]["policies"])
        bad = jwt.encode({**claims, "ref": "refs/heads/other"}, key, algorithm="ES256")
        with self.assertRaises((exceptions.InvalidRequest, exceptions.Forbidden)):
            client().auth.jwt.jwt_login("ci", bad)
        self.root.auth.oidc.create_role(
            "people", "sub", allowed_redirect_uris=["http://localhost:8250/oidc/callback"], path="jwt"
        )
        self.assertEqual(method.read_role("people")["data"]["role_type"], "oidc")
        method.delete_role("people")
        method.delete_role("ci")

    def test_05_kubernetes(self):
        cluster = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
        threading.Thread(target=cluster.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{cluster.server_port}"
        method = self.root.auth.kubernetes
        with open(CA_FILE, encoding="utf-8") as file:
            authority = file.read()
        method.configure(host, authority, token_reviewer_jwt="reviewer", disable_local_ca_jwt=True)
        self.assertEqual(method.read_config()["kubernetes_host"], host)
        method.create_role("app", ["deploy"], ["web"], ttl="20m", policies=["default"])
        self.assertEqual(method.read_role("app")["bound_service_account_names"], ["deploy"])
        self.assertEqual(method.list_roles()["keys"], ["app"])
        part = {"kubernetes.io": {"namespace": "web", "serviceaccount": {"name": "deploy", "uid": "u-1"}}}
        now = int(time.time())
        account = {**part, "iat": now, "exp": now + 300, "sub": "system:serviceaccount:web:deploy"}
        signed = jwt.encode(account, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")
        login = client().auth.kubernetes.login("app", signed)["auth"]
        self.assertEqual(login["metadata"]["service_account_name"], "deploy")
        method.delete_role("app")
        cluster.shutdown()
        cluster.server_close()

    def test_06_certificates(self):
        method = self.root.auth.cert
        method.configure_tls_certificate(disable_binding=True)
        with open(CERTIFICATE, encoding="utf-8") as file:
            certificate = file.read()
        method.create_ca_certificate_role("host", certificate=certificate, token_policies=["default"])
        self.assertEqual(method.read_ca_certificate_role("host")["data"]["token_policies"], ["default"])
        self.assertEqual(method.list_certificate_roles()["data"]["keys"], ["host"])
        login = client().auth.cert.login("host", cert_pem=CERTIFICATE, key_pem=KEY)
        self.assertEqual(login["auth"]["metadata"]["cert_name"], "host")
        method.delete_certificate_role("host")

    def test_07_aws_logins(self):
        method, endpoint = self.root.auth.aws, os.environ["TEST_AWS_ENDPOINT"]
        keys = self.keys
        method.configure(
            access_key=keys[0], secret_key=keys[1], sts_endpoint=endpoint, iam_endpoint=endpoint, sts_region="us-east-1",
            iam_server_id_header_value="engine",
        )
        self.assertEqual(method.read_config()["sts_endpoint"], endpoint)
        method.configure_identity_integration(iam_alias="role_id", iam_metadata=["account_id"])
        self.assertEqual(method.read_identity_integration()["iam_alias"], "role_id")
        method.create_sts_role("111122223333", "arn:aws:iam::111122223333:role/engine")
        self.assertEqual(method.list_sts_roles()["keys"], ["111122223333"])
        self.assertTrue(method.read_sts_role("111122223333")["sts_role"])
        method.delete_sts_role("111122223333")
        method.create_role(
            "app", auth_type="iam", bound_iam_principal_arn=self.principal,
            resolve_aws_unique_ids=False, policies=["default"],
        )
        self.assertEqual(method.read_role("app")["auth_type"], "iam")
        self.assertEqual(method.list_roles()["keys"], ["app"])
        login = client().auth.aws.iam_login(*keys, header_value="engine", role="app")
        self.assertIn("default", login["auth"]["policies"])
        method.delete_role("app")
        method.delete_config()

    def test_08_identity(self):
        identity = self.root.secrets.identity
        accessor = self.sys.list_auth_methods()["data"]["userpass/"]["accessor"]
        ann = identity.create_or_update_entity("ann", metadata={"team": "web"}, policies=["default"])["data"]["id"]
        self.assertEqual(identity.read_entity(ann)["data"]["metadata"], {"team": "web"})
        identity.update_entity(ann, name="anna", metadata={"team": "ops"})
        self.assertEqual(identity.read_entity_by_name("anna")["data"]["metadata"], {"team": "ops"})
        bob = identity.create_or_update_entity_by_name("bob", policies=["default"])["data"]["id"]
        self.assertEqual(set(identity.list_entities_by_name()["data"]["keys"]) & {"anna", "bob"}, {"anna", "bob"})
        self.assertIn(ann, identity.list_entities()["data"]["keys"])
        alias = identity.create_or_update_entity_alias("ann", ann, accessor)["data"]["id"]
        self.assertEqual(identity.read_entity_alias(alias)["data"]["canonical_id"], ann)
        identity.update_entity_alias(alias, "anna", ann, accessor)
        self.assertIn(alias, identity.list_entity_aliases()["data"]["keys"])
        self.assertEqual(identity.lookup_entity(alias_name="anna", alias_mount_accessor=accessor)["data"]["id"], ann)
        identity.merge_entities([bob], ann)
        with self.assertRaises(exceptions.InvalidPath):
            identity.read_entity_by_name("bob")
        group = identity.create_or_update_group("ops", member_entity_ids=ann, policies="default")["data"]["id"]
        self.assertEqual(identity.read_group(group)["data"]["member_entity_ids"], [ann])
        identity.update_group(group, "people", member_entity_ids=ann)
        self.assertEqual(identity.read_group_by_name("people")["data"]["id"], group)
        other = identity.create_or_update_group_by_name("others", group_type="external")["data"]["id"]
        self.assertEqual(set(identity.list_groups_by_name()["data"]["keys"]), {"people", "others"})
        self.assertEqual(set(identity.list_groups()["data"]["keys"]), {group, other})
        self.assertEqual(identity.lookup_group(name="people")["data"]["id"], group)
        mapped = identity.create_or_update_group_alias("admins", mount_accessor=accessor, canonical_id=other)["data"]["id"]
        self.assertEqual(identity.read_group_alias(mapped)["data"]["canonical_id"], other)
        identity.update_group_alias(mapped, "admin", mount_accessor=accessor, canonical_id=other)
        self.assertEqual(identity.list_group_aliases()["data"]["keys"], [mapped])
        identity.delete_group_alias(mapped)
        identity.delete_group(other)
        identity.delete_group_by_name("people")
        identity.delete_entity_alias(alias)
        identity.delete_entity(ann)
        identity.create_or_update_entity_by_name("cat")
        identity.delete_entity_by_name("cat")

    def test_09_aws(self):
        aws, endpoint = self.root.secrets.aws, os.environ["TEST_AWS_ENDPOINT"]
        self.sys.enable_secrets_engine("aws")
        aws.configure_root_iam_credentials(
            *self.keys, region="us-east-1", iam_endpoint=endpoint, sts_endpoint=endpoint,
        )
        aws.configure_lease("30m", "12h")
        self.assertEqual(aws.read_lease_config()["data"]["lease"], "30m0s")
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
        aws.create_or_update_role("reader", "iam_user", policy_document=allow, iam_tags={"team": "web"})
        self.assertEqual(json.loads(aws.read_role("reader")["data"]["policy_document"]), allow)
        aws.create_or_update_role("session", "assumed_role", role_arns=[self.role], default_sts_ttl="1h")
        aws.create_or_update_role("federated", "federation_token", policy_document=allow)
        self.assertEqual(aws.list_roles()["data"]["keys"], ["federated", "reader", "session"])
        self.assertTrue(aws.generate_credentials("reader")["data"]["access_key"])
        session = aws.generate_credentials("session", ttl="15m", endpoint="sts", role_session_name="hvac")
        self.assertTrue(session["data"]["security_token"])
        self.assertFalse(session["renewable"])
        self.assertTrue(aws.generate_credentials("federated", endpoint="sts")["data"]["security_token"])
        leases = self.sys.list_leases("aws/creds/reader")["data"]["keys"]
        lease = f"aws/creds/reader/{leases[0]}"
        self.assertEqual(self.sys.read_lease(lease)["data"]["id"], lease)
        self.assertEqual(self.sys.renew_lease(lease, increment=600)["lease_duration"], 600)
        self.sys.revoke_lease(lease)
        self.sys.revoke_prefix("aws/creds")
        self.sys.revoke_force("aws/sts")
        self.assertTrue(aws.rotate_root_iam_credentials()["data"]["access_key"])
        for name in ("federated", "reader", "session"):
            aws.delete_role(name)
        self.sys.disable_secrets_engine("aws")

    def test_10_key_value(self):
        self.sys.enable_secrets_engine("kv", path="one", options={"version": "1"})
        one = self.root.secrets.kv.v1
        one.create_or_update_secret("app", {"a": "1"}, mount_point="one")
        self.assertEqual(one.read_secret("app", mount_point="one")["data"], {"a": "1"})
        self.assertEqual(one.list_secrets("", mount_point="one")["data"]["keys"], ["app"])
        one.delete_secret("app", mount_point="one")
        self.sys.enable_secrets_engine("kv", path="two", options={"version": "2"})
        two = self.root.secrets.kv.v2
        two.configure(max_versions=5, mount_point="two")
        self.assertEqual(two.read_configuration(mount_point="two")["data"]["max_versions"], 5)
        for version in range(3):
            two.create_or_update_secret("app", {"a": str(version)}, mount_point="two")
        two.patch("app", {"b": "x"}, mount_point="two")
        read = two.read_secret("app", mount_point="two", raise_on_deleted_version=True)
        self.assertEqual(read["data"]["data"], {"a": "2", "b": "x"})
        first = two.read_secret_version("app", version=1, mount_point="two", raise_on_deleted_version=True)
        self.assertEqual(first["data"]["data"], {"a": "0"})
        two.update_metadata("app", max_versions=4, custom_metadata={"who": "hvac"}, mount_point="two")
        metadata = two.read_secret_metadata("app", mount_point="two")["data"]
        self.assertEqual((metadata["current_version"], metadata["custom_metadata"]), (4, {"who": "hvac"}))
        two.delete_latest_version_of_secret("app", mount_point="two")
        two.delete_secret_versions("app", [3], mount_point="two")
        two.undelete_secret_versions("app", [3, 4], mount_point="two")
        two.destroy_secret_versions("app", [2], mount_point="two")
        self.assertEqual(two.list_secrets("", mount_point="two")["data"]["keys"], ["app"])
        two.delete_metadata_and_all_versions("app", mount_point="two")

    def test_11_wrapping(self):
        wrapped = self.sys.wrap({"a": "1"}, ttl=60)["wrap_info"]["token"]
        self.assertEqual(client(self.root.token).sys.unwrap(wrapped)["data"], {"a": "1"})

    def test_12_mounts_methods_policies_and_devices(self):
        sys_ = self.sys
        self.assertIn("sys/", sys_.list_mounted_secrets_engines()["data"])
        sys_.enable_secrets_engine("kv", path="spare")
        sys_.tune_mount_configuration("spare", default_lease_ttl="1h", max_lease_ttl="3h", description="for trying")
        self.assertEqual(sys_.read_mount_configuration("spare")["data"]["max_lease_ttl"], 10800)
        sys_.move_backend("spare", "moved")
        sys_.disable_secrets_engine("moved")
        sys_.enable_auth_method("approle", path="spare")
        sys_.tune_auth_method("spare", max_lease_ttl="3h", listing_visibility="unauth")
        self.assertEqual(sys_.read_auth_method_tuning("spare")["data"]["max_lease_ttl"], 10800)
        sys_.disable_auth_method("spare")
        self.assertNotIn("spare/", sys_.list_auth_methods()["data"])
        rules = 'path "secret/*" {\n  capabilities = ["read"]\n}\n'
        sys_.create_or_update_policy("old", rules)
        self.assertEqual(sys_.read_policy("old")["data"]["rules"], rules)
        self.assertIn("old", sys_.list_policies()["data"]["policies"])
        sys_.delete_policy("old")
        sys_.create_or_update_acl_policy("new", rules)
        self.assertEqual(sys_.read_acl_policy("new")["data"]["policy"], rules)
        self.assertIn("new", sys_.list_acl_policies()["data"]["keys"])
        sys_.delete_acl_policy("new")
        sys_.enable_audit_device("file", path="more", options={"file_path": os.environ["TEST_AUDIT_FILE"]})
        self.assertIn("more/", sys_.list_enabled_audit_devices()["data"])
        self.assertTrue(sys_.calculate_hash("more", "x")["data"]["hash"].startswith("hmac-sha256:"))
        sys_.disable_audit_device("more")
        self.assertEqual(sys_.get_capabilities(["sys/mounts"])["data"]["capabilities"], ["root"])
        sys_.create_or_update_quota("all", rate=1000.5, interval="10s", block_interval="1m")
        self.assertEqual(sys_.read_quota("all")["data"]["rate"], 1000.5)
        self.assertEqual(sys_.list_quotas()["data"]["keys"], ["all"])
        sys_.delete_quota("all")

    def test_13_the_state_of_the_server(self):
        self.assertTrue(self.sys.is_initialized())
        self.assertEqual(self.sys.read_init_status(), {"initialized": True})
        self.assertFalse(self.sys.is_sealed())
        self.assertFalse(self.sys.read_seal_status()["sealed"])
        self.assertEqual(self.sys.read_health_status(method="GET")["sealed"], False)
        self.assertFalse(self.sys.read_leader_status()["ha_enabled"])

    def test_14_what_is_not_served_says_so(self):
        for call in (
            self.sys.list_namespaces, self.sys.read_raft_config, self.sys.list_rgp_policies,
            self.root.auth.aws.list_identity_whitelist, self.root.secrets.identity.list_named_keys,
        ):
            with self.assertRaises((exceptions.InvalidPath, exceptions.UnsupportedOperation), msg=call.__name__):
                call()

    def test_99_every_call_was_made(self):
        known = {f"{name_of(cls)}.{name}" for cls in CLASSES for name in calls(cls)}
        self.assertEqual(sorted(set(NOT_SERVED) - known), [], "no such calls")
        self.assertEqual(sorted(known - CALLED - set(NOT_SERVED)), [], "calls that nobody made")
        self.assertEqual(sorted(CALLED & set(NOT_SERVED)), [], "calls that are served")
        print(f"{len(CALLED)} calls served, {len(NOT_SERVED)} not", file=sys.stderr)


if __name__ == "__main__":
    ADDRESS, CA_FILE, CERTIFICATE, KEY = (sys.argv.pop(1) for _ in range(4))
    unittest.main(verbosity=2)
