"""hvac, unchanged, against our engine: what scripts written for Vault do every day.

Run as `python engine_test.py ADDRESS`, the root token in VAULT_TOKEN. The engine's AWS is a sandbox or moto;
its aws/ mount is made here. Prints one line per test; exits non-zero when any fails.
"""

import json
import os
import sys
import unittest

import hvac
from hvac import exceptions

ADDRESS = ""
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::hvac/*"}],
}


def client(token=None):
    return hvac.Client(url=ADDRESS, token=token or os.environ["VAULT_TOKEN"])


class Engine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = client()
        cls.root.sys.enable_secrets_engine("aws", path="aws")
        endpoint = os.environ.get("TEST_AWS_ENDPOINT")
        cls.root.secrets.aws.configure_root_iam_credentials(
            access_key=os.environ["TEST_AWS_ACCESS_KEY"],
            secret_key=os.environ["TEST_AWS_SECRET_KEY"],
            region="us-east-1",
            iam_endpoint=endpoint,
            sts_endpoint=endpoint,
        )
        cls.root.secrets.aws.configure_lease("30m", "12h")
        cls.root.secrets.aws.create_or_update_role(name="reader", credential_type="iam_user", policy_document=POLICY)
        cls.root.sys.enable_auth_method("approle")

    def test_01_the_client_is_authenticated_and_the_engine_is_unsealed(self):
        self.assertTrue(self.root.is_authenticated())
        self.assertTrue(self.root.sys.is_initialized())
        self.assertFalse(self.root.sys.is_sealed())
        self.assertEqual(self.root.sys.read_health_status(method="GET")["sealed"], False)

    def test_02_a_role_reads_back_as_written(self):
        data = self.root.secrets.aws.read_role("reader")["data"]
        self.assertEqual(data["credential_type"], "iam_user")
        self.assertEqual(json.loads(data["policy_document"]), POLICY)
        self.assertEqual(data["policy_arns"] or [], [])
        self.assertEqual(self.root.secrets.aws.list_roles()["data"]["keys"], ["reader"])

    def test_03_the_lease_settings_read_back_as_go_durations(self):
        data = self.root.secrets.aws.read_lease_config()["data"]
        self.assertEqual(data, {"lease": "30m0s", "lease_max": "12h0m0s"})

    def test_04_a_credential_is_issued_renewed_and_revoked(self):
        answer = self.root.secrets.aws.generate_credentials("reader", endpoint="creds")
        self.assertEqual(answer["lease_duration"], 1800)
        self.assertTrue(answer["renewable"])
        self.assertTrue(answer["lease_id"].startswith("aws/creds/reader/"))
        self.assertTrue(answer["data"]["access_key"] and answer["data"]["secret_key"])
        self.assertIsNone(answer["data"]["security_token"])
        lease = answer["lease_id"]
        self.assertEqual(self.root.sys.read_lease(lease)["data"]["id"], lease)
        self.assertEqual(self.root.sys.renew_lease(lease, increment=3600)["lease_duration"], 3600)
        self.assertIn(lease.rsplit("/", 1)[1], self.root.sys.list_leases("aws/creds/reader")["data"]["keys"])
        self.root.sys.revoke_lease(lease)
        with self.assertRaises(exceptions.InvalidRequest):
            self.root.sys.read_lease(lease)
        with self.assertRaises(exceptions.InvalidPath):
            self.root.sys.list_leases("aws/creds/reader")

    def test_05_revoking_a_prefix_takes_every_lease(self):
        for _ in range(3):
            self.root.secrets.aws.generate_credentials("reader", endpoint="creds")
        self.assertEqual(len(self.root.sys.list_leases("aws/creds/reader")["data"]["keys"]), 3)
        self.root.sys.revoke_prefix("aws/creds/reader")
        with self.assertRaises(exceptions.InvalidPath):
            self.root.sys.list_leases("aws/creds/reader")

    def test_06_an_app_logs_in_with_approle_and_gets_only_what_its_policy_says(self):
        self.root.sys.create_or_update_policy("hvac-app", 'path "aws/creds/reader" { capabilities = ["read"] }')
        self.root.auth.approle.create_or_update_approle(
            "hvac-app", token_policies=["hvac-app"], token_ttl="20m", token_max_ttl="1h", secret_id_num_uses=1
        )
        role = self.root.auth.approle.read_role("hvac-app")["data"]
        self.assertEqual((role["token_ttl"], role["token_max_ttl"]), (1200, 3600))
        role_id = self.root.auth.approle.read_role_id("hvac-app")["data"]["role_id"]
        secret_id = self.root.auth.approle.generate_secret_id("hvac-app")["data"]["secret_id"]
        app = hvac.Client(url=ADDRESS)
        login = app.auth.approle.login(role_id=role_id, secret_id=secret_id)
        self.assertEqual(login["auth"]["lease_duration"], 1200)
        self.assertEqual(login["auth"]["metadata"]["role_name"], "hvac-app")
        self.assertTrue(app.secrets.aws.generate_credentials("reader", endpoint="creds")["data"]["access_key"])
        with self.assertRaises(exceptions.Forbidden):
            app.secrets.aws.read_role("reader")
        with self.assertRaises(exceptions.InvalidRequest):
            hvac.Client(url=ADDRESS).auth.approle.login(role_id=role_id, secret_id=secret_id)
        lookup = app.auth.token.lookup_self()["data"]
        self.assertEqual(lookup["policies"], ["default", "hvac-app"])
        app.auth.token.renew_self()
        app.auth.token.revoke_self()
        with self.assertRaises(exceptions.Forbidden):
            app.auth.token.lookup_self()

    def test_07_policies_are_listed_read_and_deleted(self):
        rules = 'path "secret/*" {\n  capabilities = ["read"]\n}\n'
        self.root.sys.create_or_update_policy("hvac-policy", rules)
        self.assertIn("hvac-policy", self.root.sys.list_policies()["data"]["policies"])
        self.assertEqual(self.root.sys.read_policy("hvac-policy")["data"]["rules"], rules)
        acl = self.root.sys.read_acl_policy("hvac-policy")["data"]
        self.assertEqual((acl["name"], acl["policy"]), ("hvac-policy", rules))
        self.root.sys.delete_policy("hvac-policy")
        self.assertNotIn("hvac-policy", self.root.sys.list_acl_policies()["data"]["keys"])

    def test_08_key_value_version_2_keeps_versions_and_checks_and_sets(self):
        self.root.sys.enable_secrets_engine("kv", path="hvac-kv", options={"version": "2"})
        kv = self.root.secrets.kv.v2
        kv.create_or_update_secret("app/config", {"a": "1"}, cas=0, mount_point="hvac-kv")
        kv.create_or_update_secret("app/config", {"a": "2"}, cas=1, mount_point="hvac-kv")
        with self.assertRaises(exceptions.InvalidRequest):
            kv.create_or_update_secret("app/config", {"a": "3"}, cas=1, mount_point="hvac-kv")
        read = kv.read_secret_version("app/config", mount_point="hvac-kv", raise_on_deleted_version=True)
        self.assertEqual(read["data"]["data"], {"a": "2"})
        self.assertEqual(read["data"]["metadata"]["version"], 2)
        first = kv.read_secret_version("app/config", version=1, mount_point="hvac-kv", raise_on_deleted_version=True)
        self.assertEqual(first["data"]["data"], {"a": "1"})
        self.assertEqual(kv.list_secrets("app", mount_point="hvac-kv")["data"]["keys"], ["config"])
        kv.delete_latest_version_of_secret("app/config", mount_point="hvac-kv")
        with self.assertRaises(exceptions.InvalidPath):
            kv.read_secret_version("app/config", mount_point="hvac-kv", raise_on_deleted_version=True)
        kv.undelete_secret_versions("app/config", [2], mount_point="hvac-kv")
        kv.delete_metadata_and_all_versions("app/config", mount_point="hvac-kv")
        with self.assertRaises(exceptions.InvalidPath):
            kv.list_secrets("app", mount_point="hvac-kv")

    def test_09_mounts_are_listed_tuned_and_removed(self):
        self.root.sys.enable_secrets_engine("aws", path="spare", config={"default_lease_ttl": "1h", "max_lease_ttl": "2h"})
        self.assertIn("spare/", self.root.sys.list_mounted_secrets_engines()["data"])
        self.root.sys.tune_mount_configuration("spare", max_lease_ttl="3h")
        self.assertEqual(self.root.sys.read_mount_configuration("spare")["data"]["max_lease_ttl"], 10800)
        self.root.sys.disable_secrets_engine("spare")
        self.assertNotIn("spare/", self.root.sys.list_mounted_secrets_engines()["data"])

    def test_10_audit_devices_are_listed_and_hash_what_they_are_asked_to(self):
        self.root.sys.enable_audit_device("file", path="hvac", options={"file_path": os.environ["TEST_AUDIT_FILE"]})
        self.assertIn("hvac/", self.root.sys.list_enabled_audit_devices()["data"])
        answer = self.root.sys.calculate_hash("hvac", "a secret")
        self.assertTrue(answer["data"]["hash"].startswith("hmac-sha256:"))
        self.root.sys.disable_audit_device("hvac")
        self.assertNotIn("hvac/", self.root.sys.list_enabled_audit_devices()["data"])

    def test_11_tokens_are_created_looked_up_by_accessor_and_revoked(self):
        made = self.root.auth.token.create(policies=["default"], ttl="30m", explicit_max_ttl="5m", meta={"who": "hvac"})
        self.assertEqual(made["auth"]["lease_duration"], 300)
        accessor = made["auth"]["accessor"]
        found = self.root.auth.token.lookup_accessor(accessor)["data"]
        self.assertEqual((found["id"], found["meta"]), ("", {"who": "hvac"}))
        self.root.auth.token.revoke_accessor(accessor)
        with self.assertRaises(exceptions.InvalidRequest):
            self.root.auth.token.lookup_accessor(accessor)

    def test_12_capabilities_are_told(self):
        answer = self.root.sys.get_capabilities(paths=["aws/creds/reader"])
        self.assertEqual(answer["data"]["capabilities"], ["root"])


if __name__ == "__main__":
    ADDRESS = sys.argv.pop(1)
    unittest.main(verbosity=2)
