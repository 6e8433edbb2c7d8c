"""CSV files and how they are sent."""

import csv
import io


def table(rows, columns=None, newline="\n"):
    """CSV text of dicts; None is an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or list(rows[0]), lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def form(text, field="file", boundary="b0undary", filename="x.csv", more=""):
    """A multipart/form-data body and its headers."""
    disposition = f'form-data; name="{field}"; filename="{filename}"'
    part = f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: text/csv\r\n\r\n"
    body = more.encode() + part.encode() + text.encode() + f"\r\n--{boundary}--\r\n".encode()
    return body, [("Content-Type", f"multipart/form-data; boundary={boundary}")]


def check(reply, imported=0, updated=0, skipped=0):
    """The sums of a whole import; returns {row: reason}."""
    assert reply.status == 201, reply
    result = reply.json()
    assert (result["imported"], result["updated"], result["skipped"]) == (imported, updated, skipped), reply
    assert result["count"] == imported + updated
    assert len(result["errors"]) == min(skipped, 1000)
    return {error["row"]: error["detail"] for error in result["errors"]}
