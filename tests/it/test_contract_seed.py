"""The files of the systems that terse takes over from, when they are at hand: see the fixture `seed`."""

import pytest

from imports import check, table

KINDS = ["users", "urls", "events"]


@pytest.fixture(autouse=True)
def needs_the_files(seed):
    if not seed:
        pytest.skip("no such files here")


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_is_a_new_record_under_its_id(api, seed, kind):
    rows, reply = seed[kind]
    assert check(reply, imported=len(rows)) == {}
    ids, target = [], f"/{kind}?per_page=200&after=0"
    while target and len(ids) < len(rows):
        page = api.get(target)
        ids += [record["id"] for record in page.json()]
        target = page.links().get("next")
    assert ids[: len(rows)] == sorted(int(row["id"]) for row in rows)


@pytest.mark.parametrize(
    "kind,member", [("users", "username"), ("urls", "short_code"), ("events", "event_type")]
)
def test_records_are_as_their_rows(api, seed, kind, member):
    for row in seed[kind][0][::97]:
        record = api.get(f"/{kind}/{row['id']}").json()
        assert record[member] == row[member]
        when = "timestamp" if kind == "events" else "created_at"
        assert record[when] == row[when].replace(" ", "T") + "Z"


def test_codes_lead_where_they_led(api, seed):
    for row in seed["urls"][0][:50]:
        reply = api.get(f"/{row['short_code']}")
        assert reply.status == (302 if row["is_active"] == "True" else 404)
        assert reply.status == 404 or reply.headers["Location"] == row["original_url"]


def test_a_second_import_of_users_and_urls_changes_nothing(api, seed):
    for kind in ("users", "urls"):
        rows, _ = seed[kind]
        check(api.csv(f"/{kind}/bulk", table(rows[:20])), updated=20)
