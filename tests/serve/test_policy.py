"""The table of who may do what."""

from aisle.serve.policy import POLICY, SCOPES, find_rules, is_for_programs


def allowed(method, path):
    rule = find_rules(path).rules[method]
    return set(rule.scopes), rule.bearer, rule.session


def test_what_matters_most():
    assert allowed("POST", "/v1/classify") == ({"classify"}, True, False)
    assert allowed("POST", "/v1/decisions") == ({"review"}, True, False)
    assert allowed("DELETE", "/v1/decisions/17") == ({"review"}, True, False)
    assert allowed("GET", "/metrics") == ({"metrics"}, True, False)
    assert allowed("POST", "/sell") == ({"sell"}, False, True)
    assert allowed("GET", "/review") == ({"review"}, False, True)


def test_public_is_what_needs_no_credentials_by_its_nature():
    assert {path for (_, path), rule in POLICY.items() if rule.public} == {
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{name}/ready",
        "/openapi.json",
        "/assets/{name}",
        "/sign-in",
        "/sign-in/{ticket}",
        "/sign-out",
    }


def test_a_rule_that_is_not_public_names_a_scope():
    for place, rule in POLICY.items():
        assert rule.public or rule.scopes, place
        assert rule.scopes <= set(SCOPES)


def test_nothing_of_the_api_that_changes_something_takes_a_cookie():
    for (method, path), rule in POLICY.items():
        assert not (method != "GET" and rule.session and is_for_programs(path))


def test_paths_that_are_written_out_come_before_patterns():
    assert find_rules("/v1/review/figures").template == "/v1/review/figures"
    assert find_rules("/v2/models/aisle").template == "/v2/models/{name}"


def test_a_pattern_takes_one_step_of_a_path():
    assert find_rules("/v1/products/1/2") is None
    assert find_rules("/v1/products/") is None
    assert find_rules("/v1/classify/") is None
    assert find_rules("/V1/classify") is None
    assert find_rules("") is None


def test_allow():
    assert find_rules("/sell").allow == "GET, HEAD, OPTIONS, POST"
    assert find_rules("/v1/decisions/1").allow == "DELETE, OPTIONS"
