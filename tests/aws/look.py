"""An outsider's look at an AWS account: boto3, unchanged, at an endpoint.

    look.py users ENDPOINT PATH_PREFIX     every user below the path, with all that hangs on it, as JSON
    look.py owners ENDPOINT PATH_PREFIX    every user below the path, with its tags alone
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


what, *arguments = sys.argv[1:]
json.dump({"users": users, "owners": owners, "whoami": whoami}[what](*arguments), sys.stdout)
