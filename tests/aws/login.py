"""Logs in at an engine as clients of AWS do: with botocore's signature, and with hvac's own.

Arguments: the engine's address, the role, access key id, secret, session token (or ""), the server's id (or "").
Prints a line of JSON for each client: the answer's `auth`, or its error.
"""

import base64
import json
import sys

import hvac
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

address, role, key, secret, token, server_id = sys.argv[1:7]
token = token or None


def botocore_login(region, url):
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    if server_id:
        headers["X-Vault-AWS-IAM-Server-ID"] = server_id
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    SigV4Auth(Credentials(key, secret, token), "sts", region).add_auth(request)
    prepared = request.prepare()
    encoded = lambda text: base64.b64encode(text.encode()).decode()
    answer = requests.post(
        f"{address}/v1/auth/aws/login",
        json={
            "role": role,
            "iam_http_request_method": prepared.method,
            "iam_request_url": encoded(prepared.url),
            "iam_request_body": encoded(body),
            "iam_request_headers": encoded(json.dumps(dict(prepared.headers))),
        },
        timeout=60,
    )
    body = answer.json()
    print(json.dumps(body.get("auth") or {"error": body.get("errors")}))


def hvac_login():
    client = hvac.Client(url=address, token="")
    try:
        answer = client.auth.aws.iam_login(
            key, secret, session_token=token, header_value=server_id or None, role=role, region="us-east-1"
        )
        print(json.dumps(answer["auth"]))
    except hvac.exceptions.VaultError as error:
        print(json.dumps({"error": [str(error)]}))


botocore_login("us-east-1", "https://sts.amazonaws.com/")
botocore_login("eu-west-1", "https://sts.eu-west-1.amazonaws.com/")
hvac_login()
