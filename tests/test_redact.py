from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diagnose.redact import MARK, RULES, redact

A = "aB3dE6gH9jK2mN5pQ8sT1vW4"

SECRETS = [
    (f"HF_TOKEN: hf_{A}", f"hf_{A}"),
    (f"export HF_TOKEN={A}", A),
    (f"remote: ghp_{A}", f"ghp_{A}"),
    (f"github_pat_{A}_{A}", f"github_pat_{A}_{A}"),
    (f"PRIVATE-TOKEN: glpat-{A}", f"glpat-{A}"),
    (f"OPENAI_API_KEY=sk-proj-{A}", f"sk-proj-{A}"),
    ("aws_access_key_id = AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
    (f"AWS_SECRET_ACCESS_KEY='{A}/{A}'", A),
    (f"Authorization: Bearer {A}.{A}", A),
    (f"'Authorization': 'Basic {A}=='", A),
    (f"https://user:{A}@example.org/repo.git", A),
    (f"https://bucket.example.org/w.bin?X-Amz-Signature={A}&x=1", A),
    (f"--api-key {A} --port 8000", A),
    (f"{{'api_key': '{A}', 'port': 8000}}", A),
    (f"nvapi-{A}", A),
    (f"xoxb-12345-{A}", A),
    (f"token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{A}", A),
    (f"WANDB_API_KEY: {A}", A),
    (f"password={A}", A),
    (f"non-default args: {{'api_key': ['{A}'], 'port': 8000}}", A),
    (f"Namespace(api_key=['{A}'], port=8000)", A),
    (f"--hf_token {A}", A),
    (f'{{\\"token\\": \\"{A}\\"}}', A),
    (f"id_hf_{A}", f"hf_{A}"),
    ("MYSQL_PASSWORD=1234567890", "1234567890"),
    (f"DB_PASS={A}", A),
    (f"GITHUB_PAT={A}", A),
    (f"'OPENAI_KEY': '{A}'", A),
    (f"AccountKey={A}", A),
    (f"https://{A}@github.com/x/y", A),
    (f"curl -u admin:{A} https://example.org", A),
    (f"docker login -u me -p {A}", A),
    (f"wandb login {A}", A),
    (f"?X-Goog-Signature={A}", A),
    (f"https://hooks.slack.com/services/T0/B0/{A}", A),
    (f"sk_live_{A}", A),
    (f'password="two words {A}"', A),
    (f'{{"name": "HF_TOKEN", "value": "{A}"}}', A),
    (f'os.environ["HF_TOKEN"] = "{A}"', A),
    (f"ENV HF_TOKEN {A}", A),
    (f"setenv HF_TOKEN {A}", A),
    (f"mysql -u me -p{A} bench", A),
    (f'passphrase "{A}"', A),
    (f"aws_secret_access_key = {A}", A),
    (f"--password 'two words {A}'", A),
    (f"-----BEGIN OPENSSH PRIVATE KEY-----{A}", A),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_taken_out(text, secret):
    redacted = redact(text)

    assert secret not in redacted
    assert MARK in redacted


@pytest.mark.parametrize(
    "text",
    [
        "SamplingParams(n=1, max_tokens=2853105)",
        "{token: None}",
        "GPU KV cache size: 412,336 tokens",
        "Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 3.0 tokens/s",
        "max_num_batched_tokens=8192",
        "#new-token: 16384, #cached-token: 0, token usage: 0.85",
        "tokenizer='MiniMaxAI/MiniMax-M3', tokenizer_mode=auto",
        "KeyError: 'layers.0.mlp.down_proj.weight_scale'",
        "generated_tokens: 0",
        "HF_TOKEN: ***",
        "Please set a HF_TOKEN to enable higher rate limits",
        "distributed_init_method=tcp://127.0.0.1:51299 backend=nccl",
        "skip_tokenizer_init=False",
    ],
)
def test_what_only_sounds_like_a_secret_stays(text):
    assert redact(text) == text


_WORDS = (
    "token Token TOKENS tokenizer max_tokens hf_token secret password passwd pass PASS_ bypass DB_PASS pwd"
    " passphrase api_key apikey api-key api key is access_key private-key KEY _KEY _pat GITHUB_PAT _auth auth_key"
    " credential account_key authorization x-api-key cookie set-cookie bearer basic ids count usage"
    " curl -u admin: sshpass -p docker login wandb set wandb_v1_ aws_secret_access_key X-Amz-Signature sig se sv"
    " https:// tcp:// user:pw @host hooks.slack.com/services/ -----BEGIN RSA PRIVATE KEY----- -----END PRIVATE KEY-----"
    " --api-key --hf_token --token --password --secret --auth-token ghp_ ghs_ github_pat_ glpat- hf_ sk- sk_ task_ AKIA ASIA"
    " xoxb- AIza ya29. nvapi- dckr_pat_ npm_ pypi- eyJ"
)
WORDS = _WORDS.split()
JOINTS = [
    " ",
    "=",
    ": ",
    ":",
    "' ",
    "'",
    '"',
    '\\"',
    "[",
    "]",
    ", ",
    "?",
    "&",
    "=>",
    " =>",
    ".",
    "-",
    "_",
    "@",
    "/",
    "\u200b=",
]
VALUES = [
    A,
    A.upper(),
    A[:12],
    A[:4],
    "AB",
    "1234",
    "12.5%",
    "none",
    "***",
    "${X}",
    MARK,
    "8192",
    "é█",
    "ſ",
    "\u212a",
    "İ",
    "ı",
]
TEXTS = st.lists(
    st.one_of(st.sampled_from(WORDS), st.sampled_from(JOINTS), st.sampled_from(VALUES)),
    max_size=14,
).map("".join)


@given(TEXTS)
@settings(max_examples=1000, deadline=None)
@example(f"to\u212aen secret{A} api_\u212aey={A}")
@example(f"paſſword={A}")
@example("authorization: token 'abc, token=x@y")
def test_looking_less_often_takes_out_the_same(text):
    expected = text
    for rule in RULES:
        expected = rule.apply(expected)

    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz0123",
        "password = hunter2hunter2",
        "https://u:p4ssw0rd@h/x?token=abcdefabcdef123456",
        "{'api_key': 'abcdefgh12345678'}",
    ],
)
def test_what_is_taken_out_is_marked_once(text):
    once = redact(text)

    assert redact(once) == once
    assert "[[" not in once
