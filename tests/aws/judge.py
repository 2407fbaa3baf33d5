"""What ministack, a stand-in for AWS, answers to requests under policies. Questions and answers are JSON.

    judge.py cases ENDPOINT    each question to its evaluation engine; those without a context and a boundary of
                               their own to SimulateCustomPolicy as well, which leaves both out of account
    judge.py live ENDPOINT     each call made, by a user or an assumed role that has the policies
"""

import json
import sys

import botocore.session
from botocore.exceptions import ClientError
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

ACCOUNT = "000000000000"
DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}


def client(service, endpoint, access_key=None, secret=None, token=None):
    session = botocore.session.get_session()
    if access_key:
        session.set_credentials(access_key, secret, token)
    return session.create_client(service, endpoint_url=endpoint, region_name="us-east-1")


def by_engine(question):
    # What is not the case's own is as the simulator has it.
    context = EvalContext(
        principal_arn=f"arn:aws:iam::{ACCOUNT}:root",
        principal_type="User",
        principal_account=ACCOUNT,
        action=question["action"],
        resource_arn=question["resource"],
        region="us-east-1",
        source_ip="127.0.0.1",
        secure_transport=False,
        service_context={
            key: values[0] if len(values) == 1 else values for key, values in (question["context"] or {}).items()
        },
    )
    limits = [[parse_policy_document(question["boundary"])]] if question["boundary"] else []
    return DECISIONS[evaluate(context, [parse_policy_document(question["policy"])], *limits).decision]


def by_simulator(iam, question):
    if question["context"] is not None or question["boundary"]:
        return None
    answer = iam.simulate_custom_policy(
        PolicyInputList=[question["policy"]],
        ActionNames=[question["action"]],
        ResourceArns=[question["resource"]],
    )
    return answer["EvaluationResults"][0]["EvalDecision"]


def ignores(iam):
    """What the simulator says when only a context entry allows, and when the boundary does not."""
    only_bob = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":%s}}'
    nothing = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}'
    entry = {"ContextKeyName": "aws:username", "ContextKeyValues": ["bob"], "ContextKeyType": "string"}
    asked = {"ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::b"]}
    answers = [
        iam.simulate_custom_policy(
            PolicyInputList=[only_bob % '{"StringEquals":{"aws:username":"bob"}}'], ContextEntries=[entry], **asked
        ),
        iam.simulate_custom_policy(
            PolicyInputList=[only_bob % "{}"], PermissionsBoundaryPolicyInputList=[nothing], **asked
        ),
    ]
    return [answer["EvaluationResults"][0]["EvalDecision"] for answer in answers]


def cases(endpoint, questions):
    iam = client("iam", endpoint)
    answers = [{"engine": by_engine(one), "simulator": by_simulator(iam, one)} for one in questions]
    return {"answers": answers, "ignores": ignores(iam)}


def live(endpoint, questions):
    iam, sts = client("iam", endpoint), client("sts", endpoint)
    answers = []
    for number, question in enumerate(questions):
        name = f"case-{number}"
        limit = {}
        if question["boundary"]:
            made = iam.create_policy(PolicyName=f"{name}-boundary", PolicyDocument=question["boundary"])
            limit["PermissionsBoundary"] = made["Policy"]["Arn"]
        if question["session"]:
            trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
            trust = json.dumps({"Version": "2012-10-17", "Statement": trust})
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **limit)["Role"]
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=question["policy"])
            assumed = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="case", Policy=question["session"])
            key = assumed["Credentials"]
        else:
            iam.create_user(UserName=name, **limit)
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=question["policy"])
            key = iam.create_access_key(UserName=name)["AccessKey"]
        service, call = question["call"]
        caller = client(service, endpoint, key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"))
        try:
            getattr(caller, call)()
            answers.append("allowed")
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
    return answers


if __name__ == "__main__":
    command, endpoint = sys.argv[1:3]
    json.dump({"cases": cases, "live": live}[command](endpoint, json.load(sys.stdin)), sys.stdout)
