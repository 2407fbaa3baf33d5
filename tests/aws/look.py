"""An outsider's look at an AWS account: boto3, unchanged, at an endpoint.

    look.py users ENDPOINT PATH_PREFIX     every user below the path, with all that hangs on it, as JSON
    look.py owners ENDPOINT PATH_PREFIX    every user below the path, with its tags alone
    look.py role ENDPOINT NAME ACTION      makes a role that its account may assume and that may do this one thing
    look.py user ENDPOINT NAME ACTION      makes a user that may do this one thing
    look.py tried ENDPOINT                 what the account says to the key: who it is, and of two lists `ok` or a code
    look.py whoami ENDPOINT                the ARN that the key in AWS_ACCESS_KEY_ID belongs to, or the error's code
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError


def client(service, endpoint):
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1")


def owners(endpoint, prefix):
    iam = client("iam", endpoint)
    found = []
    for page in iam.get_paginator("list_users").paginate(PathPrefix=prefix):
        for user in page["Users"]:
            try:
                tags = iam.list_user_tags(UserName=user["UserName"])["Tags"]
            except iam.exceptions.NoSuchEntityException:
                continue  # Deleted since it was listed.
            found.append({"name": user["UserName"], "tags": {tag["Key"]: tag["Value"] for tag in tags}})
    return found


def users(endpoint, prefix):
    iam = client("iam", endpoint)
    found = []
    for page in iam.get_paginator("list_users").paginate(PathPrefix=prefix):
        for user in page["Users"]:
            name = user["UserName"]
            inline = iam.list_user_policies(UserName=name)["PolicyNames"]
            found.append(
                {
                    "name": name,
                    "path": user["Path"],
                    "arn": user["Arn"],
                    "tags": {tag["Key"]: tag["Value"] for tag in iam.list_user_tags(UserName=name)["Tags"]},
                    "inline": {
                        one: iam.get_user_policy(UserName=name, PolicyName=one)["PolicyDocument"] for one in inline
                    },
                    "attached": [
                        one["PolicyArn"] for one in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
                    ],
                    "groups": [one["GroupName"] for one in iam.list_groups_for_user(UserName=name)["Groups"]],
                    "keys": [one["AccessKeyId"] for one in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]],
                }
            )
    return found


def whoami(endpoint):
    try:
        return client("sts", endpoint).get_caller_identity()["Arn"]
    except ClientError as error:
        return error.response["Error"]["Code"]


def role(endpoint, name, action):
    iam = client("iam", endpoint)
    allow = {"Effect": "Allow", "Action": action, "Resource": "*"}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "123456789012"}}
    document = lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow))
    return made["Role"]["Arn"]


def user(endpoint, name, action):
    iam = client("iam", endpoint)
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    return name


def keys(endpoint, *names):
    iam = client("iam", endpoint)
    listed = {name: iam.list_access_keys(UserName=name)["AccessKeyMetadata"] for name in names}
    return {name: [key["AccessKeyId"] for key in keys] for name, keys in listed.items()}


def tried(endpoint):
    iam = client("iam", endpoint)
    said = {"whoami": whoami(endpoint)}
    for name in ("list_users", "list_groups"):
        try:
            getattr(iam, name)()
            said[name] = "ok"
        except ClientError as error:
            said[name] = error.response["Error"]["Code"]
    return said


what, *arguments = sys.argv[1:]
calls = {"users": users, "owners": owners, "keys": keys, "role": role, "user": user, "tried": tried, "whoami": whoami}
json.dump(calls[what](*arguments), sys.stdout)
