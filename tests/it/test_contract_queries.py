"""How much a request costs the database: a list of 100 no more statements than a list of 1."""

import pytest

from records import follow, new_url, new_user

TIMES = 10


@pytest.fixture(scope="module")
def hundred(api):
    """A user with a hundred urls, each with an event and one of them with clicks."""
    user = new_user(api)
    urls = [new_url(api, user_id=user["id"]) for _ in range(100)]
    follow(api, urls[0], 3)
    return user


def cost(api, statements, target):
    api.get(target)
    before = statements()
    for _ in range(TIMES):
        assert api.get(target).status == 200
    return (statements() - before) / TIMES


@pytest.mark.parametrize(
    "path",
    ["/users?", "/urls?", "/events?", "/urls?user_id={}&", "/events?user_id={}&", "/urls?is_active=true&"],
)
def test_a_long_list_costs_what_a_short_one_does(api, statements, hundred, path):
    path = path.format(hundred["id"])
    assert len(api.get(f"{path}per_page=100").json()) == 100
    one, many = (cost(api, statements, f"{path}per_page={n}") for n in (1, 100))
    assert one == many <= 2


def test_a_redirect_that_is_cached_costs_nothing(api, statements):
    url = new_url(api)
    assert follow(api, url, 3).status == 302
    before = statements()
    follow(api, url, TIMES)
    assert statements() == before


def test_an_unknown_code_is_not_looked_up_each_time(api, statements):
    before = statements()
    for _ in range(TIMES):
        assert api.get("/no-such-code-here").status == 404
    assert statements() - before <= 3
