"""hvac, unchanged, with a server that shares of its key open: what it has for beginnings, seals and keys.

Run as `python keys_test.py ADDRESS`: the address of a server with `seal "shamir"` of which there is nothing yet.
"""

import base64
import sys
import unittest

import hvac

ADDRESS = ""


class Keys(unittest.TestCase):
    def test_a_server_is_begun_opened_and_its_keys_change(self):
        client = hvac.Client(url=ADDRESS, token="")
        self.assertFalse(client.sys.is_initialized())
        begun = client.sys.initialize(secret_shares=3, secret_threshold=2)
        keys = begun["keys_base64"]
        self.assertEqual(len(keys), 3)
        self.assertTrue(client.sys.is_sealed())
        self.assertEqual(client.sys.submit_unseal_key(keys[0])["progress"], 1)
        self.assertEqual(client.sys.submit_unseal_key(reset=True)["progress"], 0)
        self.assertFalse(client.sys.submit_unseal_keys(keys[:2])["sealed"])
        client.token = begun["root_token"]
        client.sys.enable_secrets_engine("kv", path="kv")
        client.secrets.kv.v1.create_or_update_secret("a", {"b": "c"}, mount_point="kv")

        self.assertEqual(client.sys.get_encryption_key_status()["data"]["term"], 1)
        client.sys.rotate_encryption_key()
        self.assertEqual(client.sys.get_encryption_key_status()["data"]["term"], 2)

        self.assertFalse(client.sys.read_rekey_progress()["started"])
        client.sys.start_rekey(secret_shares=3, secret_threshold=2)
        client.sys.cancel_rekey()
        nonce = client.sys.start_rekey(secret_shares=2, secret_threshold=2, require_verification=True)["nonce"]
        new = client.sys.rekey_multi(keys[1:], nonce=nonce)
        self.assertTrue(client.sys.read_rekey_verify_progress()["nonce"])
        client.sys.rekey_verify_multi(new["keys_base64"], nonce=new["verification_nonce"])
        keys = new["keys_base64"]

        client.sys.seal()
        self.assertTrue(client.sys.is_sealed())
        self.assertFalse(client.sys.submit_unseal_keys(keys)["sealed"])
        self.assertEqual(client.secrets.kv.v1.read_secret("a", mount_point="kv")["data"], {"b": "c"})

        client.sys.start_root_token_generation()
        client.sys.cancel_root_generation()
        begun = client.sys.start_root_token_generation()
        for key in keys:
            made = client.sys.generate_root(key, begun["nonce"])
        hidden = base64.b64decode(made["encoded_token"] + "==")
        token = bytes(a ^ b for a, b in zip(hidden, begun["otp"].encode())).decode()
        self.assertEqual(hvac.Client(url=ADDRESS, token=token).auth.token.lookup_self()["data"]["policies"], ["root"])
        self.assertFalse(client.sys.read_root_generation_progress()["started"])


if __name__ == "__main__":
    ADDRESS = sys.argv.pop(1)
    unittest.main(verbosity=2)
