"""Keys and signed tokens, by PyJWT and cryptography, which share no code with what is tested.

The argument is JSON: `keys`, names with algorithms, and `tokens`, each with `key`, `claims` and `headers`. Prints JSON:
`jwks` and `pem` by the names of keys, and `tokens` in order.
"""

import json
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def made(algorithm):
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]()), ECAlgorithm
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm
    return rsa.generate_private_key(public_exponent=65537, key_size=2048), RSAAlgorithm


asked = json.loads(sys.argv[1])
told = {"jwks": {}, "pem": {}, "tokens": []}
keys = {}
for name, algorithm in asked["keys"].items():
    key, kind = made(algorithm)
    keys[name] = (key, algorithm)
    public = key.public_key()
    told["jwks"][name] = json.loads(kind.to_jwk(public)) | {"kid": name, "use": "sig"}
    told["pem"][name] = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
for token in asked["tokens"]:
    key, algorithm = keys[token["key"]]
    headers = {"kid": token["key"]} | token.get("headers", {})
    told["tokens"].append(jwt.encode(token["claims"], key, algorithm=algorithm, headers=headers))
print(json.dumps(told))
