"""Bulk imports: what holds for all three kinds of file."""

import gzip

import pytest

from imports import check, form, table
from records import new_url, new_user, some_target, unique

KINDS = ["users", "urls", "events"]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def row_of(api, kind):
    """One good row of a kind."""
    name = unique("imp")
    if kind == "users":
        return {"username": name, "email": f"{name}@example.com"}
    if kind == "urls":
        return {"short_code": name, "original_url": some_target()}
    return {"url_id": new_url(api)["id"], "event_type": name}


def send(api, kind, body, headers):
    return api.send("POST", f"/{kind}/bulk", body, headers)


def test_a_form_and_a_bare_body_do_the_same(api, kind):
    check(api.csv(f"/{kind}/bulk", table([row_of(api, kind)])), imported=1)
    check(send(api, kind, *form(table([row_of(api, kind)]))), imported=1)
    check(api.send("POST", f"/api/v1/{kind}/bulk", *form(table([row_of(api, kind)]))), imported=1)


def test_labels_of_csv_are_taken(api, kind):
    for label in ("text/csv; charset=utf-8", "TEXT/CSV", "text/csv;header=present"):
        check(send(api, kind, table([row_of(api, kind)]).encode(), [("Content-Type", label)]), imported=1)


def test_other_parts_of_a_form_are_skipped(api, kind):
    more = '--b0undary\r\nContent-Disposition: form-data; name="other"\r\n\r\nx,y\r\n1,2\r\n'
    body, headers = form(table([row_of(api, kind)]), more=more)
    check(send(api, kind, body, headers), imported=1)
    body, headers = form(table([row_of(api, kind)]), boundary="'()+_,-./:=? x'")
    check(
        send(api, kind, body, [("Content-Type", "multipart/form-data; boundary=\"'()+_,-./:=? x'\"")]),
        imported=1,
    )


def test_bom_crlf_quotes_and_order_of_columns_do_not_matter(api, kind):
    rows = [row_of(api, kind) for _ in range(3)]
    check(api.csv(f"/{kind}/bulk", "\ufeff" + table(rows[:1], newline="\r\n")), imported=1)
    columns = list(reversed(rows[1]))
    check(api.csv(f"/{kind}/bulk", table(rows[1:2], columns)), imported=1)
    quoted = "\n".join(",".join(f'"{cell}"' for cell in line) for line in (rows[2].keys(), rows[2].values()))
    check(api.csv(f"/{kind}/bulk", quoted), imported=1)


def test_other_columns_are_ignored(api, kind):
    row = {"zzz": 'a "quoted", cell\nwith a line', **row_of(api, kind), "": "", "ÿ": "x" * 1000}
    check(api.csv(f"/{kind}/bulk", table([row])), imported=1)


def test_the_last_line_may_lack_its_end_and_blank_lines_are_no_rows(api, kind):
    text = table([row_of(api, kind)])
    check(api.csv(f"/{kind}/bulk", text.rstrip("\n")), imported=1)
    text = table([row_of(api, kind)])
    check(api.csv(f"/{kind}/bulk", text.replace("\n", "\n\n") + "\r\n\r\n"), imported=1)


def test_a_header_alone_imports_nothing(api, kind):
    header = ",".join(row_of(api, kind))
    for text in (header, header + "\n", header + "\r\n", "\ufeff" + header):
        check(api.csv(f"/{kind}/bulk", text))
        check(send(api, kind, *form(text)))


def test_no_file_an_empty_one_and_no_csv_are_refused(api, kind):
    for text in ("", "\n", "\r\n\r\n", "\ufeff", "x", "{}", "<html></html>", "a,b\n1,2\n"):
        assert api.csv(f"/{kind}/bulk", text).status in (400, 422), text
        assert send(api, kind, *form(text)).status in (400, 422), text
    header = list(row_of(api, kind))
    for lacking in header:
        text = ",".join(name for name in header if name != lacking)
        assert api.csv(f"/{kind}/bulk", f"{text},x\na,b\n").status in (400, 422)
    good = table([row_of(api, kind)])
    assert send(api, kind, *form(good, field="other")).status in (400, 422)
    assert send(api, kind, b"", [("Content-Type", "multipart/form-data; boundary=x")]).status in (400, 422)
    assert send(api, kind, b"--x--\r\n", [("Content-Type", "multipart/form-data; boundary=x")]).status in (
        400,
        422,
    )
    assert send(api, kind, form(good)[0], [("Content-Type", "multipart/form-data")]).status in (400, 415, 422)
    assert send(
        api, kind, form(good)[0], [("Content-Type", "multipart/form-data; boundary=other")]
    ).status in (400, 422)
    assert send(
        api, kind, form(good)[0][:-20], [("Content-Type", "multipart/form-data; boundary=b0undary")]
    ).status in (400, 422)


def test_other_bodies_are_415(api, kind):
    for label in (
        "application/json",
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ):
        assert send(api, kind, table([row_of(api, kind)]).encode(), [("Content-Type", label)]).status == 415
    assert api.send("POST", f"/{kind}/bulk", b"x").status in (400, 415)
    assert api.send("POST", f"/{kind}/bulk").status in (400, 415, 422)


def test_compressed_files_are_415(api, kind):
    label = [("Content-Type", "text/csv"), ("Content-Encoding", "gzip")]
    assert send(api, kind, gzip.compress(table([row_of(api, kind)]).encode()), label).status == 415
    body, label = form(table([row_of(api, kind)]))
    assert send(api, kind, gzip.compress(body), [*label, ("Content-Encoding", "gzip")]).status == 415
    plain = [("Content-Type", "text/csv"), ("Content-Encoding", "identity")]
    check(send(api, kind, table([row_of(api, kind)]).encode(), plain), imported=1)


def test_binary_is_no_crash(api, kind):
    header = ",".join(row_of(api, kind))
    noise = bytes(range(256)) * 40
    for body in (
        noise,
        b"\x00" * 1000,
        b"\x1f\x8b\x08" + noise,
        b"PK\x03\x04" + noise,
        header.encode() + b"\n" + noise,
        b'"' * 9999,
        b"\xff\xfe" + header.encode("utf-16-le"),
    ):
        reply = send(api, kind, body, [("Content-Type", "text/csv")])
        assert reply.status in (201, 400, 422), reply
        if reply.status == 201:
            assert reply.json()["count"] == 0
        assert send(api, kind, body, [("Content-Type", "multipart/form-data; boundary=\x7f")]).status < 500
    text = header.encode() + b"\n" + b"a\x00b,c\n\xff,d\n" + b'"open,' + b"x" * 300000
    assert send(api, kind, text, [("Content-Type", "text/csv")]).json()["count"] == 0


def test_bad_rows_are_counted_from_the_first_after_the_header(api, kind):
    good = [row_of(api, kind) for _ in range(3)]
    bad = {name: "" for name in good[0]}
    text = table([good[0], bad, good[1], bad, good[2]])
    assert set(check(api.csv(f"/{kind}/bulk", text), imported=3, skipped=2)) == {2, 4}
    lines = table([row_of(api, kind)]).splitlines()
    text = "\n".join([lines[0], "one cell", lines[1], "a,b,c,d,e,f,g", ",,,", '"x"y,z'])
    assert {1, 3} <= set(check(api.csv(f"/{kind}/bulk", text), imported=1, skipped=4))


def test_bad_bytes_spoil_their_row_alone(api, kind):
    rows = [row_of(api, kind) for _ in range(3)]
    lines = table(rows).encode().splitlines()
    lines[2] = lines[2].replace(b"imp", b"im\xffp", 1) if b"imp" in lines[2] else b"\xff,\xfe"
    assert set(check(api.csv(f"/{kind}/bulk", b"\n".join(lines)), imported=2, skipped=1)) == {2}


def test_errors_are_a_thousand_at_most(api, kind):
    text = ",".join(row_of(api, kind)) + "\n" + "!,\n" * 1500
    result = api.csv(f"/{kind}/bulk", text).json()
    assert (result["skipped"], len(result["errors"]), result["count"]) == (1500, 1000, 0)
    assert [error["row"] for error in result["errors"]] == list(range(1, 1001))


def test_ids_are_kept_when_free_and_the_sequence_goes_on(api, kind):
    highest = api.get(f"/{kind}?after={10**11}&per_page=1").json()
    assert highest == []
    text = table([row_of(api, kind)])
    check(api.csv(f"/{kind}/bulk", text), imported=1)
    last = newest_id(api, kind)
    kept = last + 40
    check(api.csv(f"/{kind}/bulk", table([{"id": kept, **row_of(api, kind)}])), imported=1)
    assert api.get(f"/{kind}/{kept}").status == 200
    for _ in range(45):
        make(api, kind)
    assert newest_id(api, kind) > kept


def newest_id(api, kind):
    return make(api, kind)["id"]


def make(api, kind):
    if kind == "users":
        return new_user(api)
    if kind == "urls":
        return new_url(api)
    return api.get(f"/events?url_id={new_url(api)['id']}").json()[0]


def test_huge_ids_are_replaced(api, kind):
    rows = [{"id": number, **row_of(api, kind)} for number in (10**12 + 1, 2**63 - 1)]
    check(api.csv(f"/{kind}/bulk", table(rows)), imported=2)
    for row in rows:
        assert api.get(f"/{kind}/{row['id']}").status == 404
    assert newest_id(api, kind) < 10**12


@pytest.mark.parametrize("number", ["x", "1.5", "-1", "0", "9" * 40, "1e3", "true"])
def test_ids_that_are_none_skip_the_row_or_are_replaced(api, kind, number):
    reply = api.csv(f"/{kind}/bulk", table([{"id": number, **row_of(api, kind)}]))
    assert reply.status == 201 and reply.json()["imported"] + reply.json()["skipped"] == 1


def test_a_taken_id_does_not_overwrite(api, kind):
    record = make(api, kind)
    reply = api.csv(f"/{kind}/bulk", table([{"id": record["id"], **row_of(api, kind)}]))
    assert reply.status == 201 and reply.json()["imported"] + reply.json()["skipped"] == 1
    assert api.get(f"/{kind}/{record['id']}").json() == record


def test_a_large_file_is_taken_in_one_request(api):
    start = unique("many")
    rows = [{"username": f"{start}-{i}", "email": f"{start}-{i}@example.com"} for i in range(5000)]
    check(api.csv("/users/bulk", table(rows)), imported=5000)
    check(api.csv("/users/bulk", table(rows)), updated=5000)
