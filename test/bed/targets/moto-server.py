"""moto (https://github.com/getmoto/moto) as the AWS account of tests: a real STS and IAM over HTTP on one loopback port.

moto checks signatures and policies once it is told to, but says of itself that it does not look at conditions of identity
policies, at the end of a session, or at session policies. Those three are what an ended grant hangs on, so they are
evaluated here, by AWS's documented rules and for the keys that are used; an operator or key not known here denies.
Usage: moto-server.py PORT; prints "ready" once it listens.
"""

import datetime
import fnmatch
import json
import sys
import threading
import time

from moto.core.utils import utcnow
from moto.iam import access_control as ac
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sts.models import sts_backends
from werkzeug.serving import WSGIRequestHandler, make_server

asking = threading.local()


def session_of(key):
    for assumed in sts_backends[key.account_id][key.partition].assumed_roles:
        if assumed.access_key_id == key._access_key_id:
            return assumed
    return None


def facts_about(key):
    session = session_of(key) if isinstance(key, ac.AssumedRoleAccessKey) else None
    return {"aws:userid": session.user_id if session else "AIDAEXAMPLE", "aws:currenttime": int(time.time())}


def epoch_of(value):
    text = str(value)
    if text.isdigit():
        return int(text)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


OPERATORS = {
    "StringLike": lambda actual, wanted: fnmatch.fnmatchcase(str(actual), wanted),
    "StringEquals": lambda actual, wanted: str(actual) == wanted,
    "DateGreaterThan": lambda actual, wanted: epoch_of(actual) > epoch_of(wanted),
}


def holds(conditions, facts):
    """All operators and keys must hold, any of a key's values is enough."""
    for operator, keys in conditions.items():
        for key, wanted in keys.items():
            values = wanted if isinstance(wanted, list) else [wanted]
            actual = facts.get(key.lower())
            if operator not in OPERATORS or actual is None:
                raise ac.AccessDeniedError(user_arn="unknown condition", action=f"{operator} {key}")
            if not any(OPERATORS[operator](actual, value) for value in values):
                return False
    return True


plain_statement = ac.IAMPolicyStatement.is_action_permitted


def statement_with_conditions(self, action, resource="*", principal=None, incoming_condition_values=None):
    conditions = self._statement.get("Condition")
    if conditions and "Principal" not in self._statement:
        if not holds(conditions, asking.facts):
            return ac.PermissionResult.NEUTRAL
        bare = {name: value for name, value in self._statement.items() if name != "Condition"}
        return plain_statement(ac.IAMPolicyStatement(bare), action, resource, principal, incoming_condition_values)
    return plain_statement(self, action, resource, principal, incoming_condition_values)


plain_check = ac.IAMRequestBase.check_action_permitted


def check_with_sessions(self, resource):
    asking.facts = facts_about(self._access_key)
    session = session_of(self._access_key) if isinstance(self._access_key, ac.AssumedRoleAccessKey) else None
    if session and session.expiration <= utcnow():
        self._raise_access_denied()
    if session and session.policy and self._action != "sts:GetCallerIdentity":
        narrowed = ac.IAMPolicy(json.dumps(json.loads(session.policy)))
        if narrowed.is_action_permitted(self._action, resource) != ac.PermissionResult.PERMITTED:
            self._raise_access_denied()
    return plain_check(self, resource)


ac.IAMPolicyStatement.is_action_permitted = statement_with_conditions
ac.IAMRequestBase.check_action_permitted = check_with_sessions


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


server = make_server(
    "127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Quiet
)
print("ready", flush=True)
server.serve_forever()
