"""The administration of an organization with today's official client."""

import openai
import pytest
from common import BASE_URL, KEY, HELLO

admin = openai.OpenAI(base_url=BASE_URL, api_key=KEY, admin_api_key=KEY, max_retries=0).admin.organization


def as_key(key):
    return openai.OpenAI(base_url=BASE_URL, api_key=key, max_retries=0)


def test_projects_and_service_accounts():
    project = admin.projects.create(name="Robots")
    assert project.status == "active" and project.archived_at is None
    assert admin.projects.update(project.id, name="Machines").name == "Machines"
    assert project.id in [p.id for p in admin.projects.list(limit=1)]  # page by page

    account = admin.projects.service_accounts.create(project.id, name="robot")
    robot = as_key(account.api_key.value)
    answer = robot.chat.completions.create(model="gpt-3.5-turbo", messages=HELLO, max_tokens=3)
    assert answer.choices[0].message.content
    with pytest.raises(openai.PermissionDeniedError) as refused:
        robot.get("/organization/users", cast_to=object)
    assert refused.value.code == "missing_scope"

    keys = list(admin.projects.api_keys.list(project.id))
    assert [k.owner.service_account.id for k in keys] == [account.id]
    assert admin.projects.service_accounts.delete(account.id, project_id=project.id).deleted
    with pytest.raises(openai.AuthenticationError):
        robot.models.list()
    assert admin.projects.archive(project.id).status == "archived"
    assert project.id not in [p.id for p in admin.projects.list()]


def test_users_and_invites():
    owner = next(u for u in admin.users.list() if u.role == "owner")
    with pytest.raises(openai.BadRequestError) as last:
        admin.users.update(owner.id, role="reader")
    assert last.value.code == "last_owner"
    invite = admin.invites.create(email="ann@example.com", role="reader")
    assert invite.status == "pending"
    assert admin.invites.retrieve(invite.id).email == "ann@example.com"
    assert admin.invites.delete(invite.id).deleted
    with pytest.raises(openai.NotFoundError):
        admin.invites.retrieve(invite.id)


def test_admin_keys_and_audit_log():
    key = admin.admin_api_keys.create(name="audit")
    assert key.value.startswith("sk-admin-")
    narrow = openai.OpenAI(base_url=BASE_URL, api_key=key.value, admin_api_key=key.value, max_retries=0)
    with pytest.raises(openai.PermissionDeniedError):
        narrow.chat.completions.create(model="gpt-3.5-turbo", messages=HELLO)
    lines = list(narrow.admin.organization.audit_logs.list(resource_ids=[key.id], event_types=["api_key.created"]))
    assert [line.api_key_created.id for line in lines] == [key.id]
    assert admin.admin_api_keys.delete(key.id).deleted
    with pytest.raises(openai.AuthenticationError):
        narrow.admin.organization.users.list()
