import pytest

from reprokit.capture.secret_names import Strength, name_strength, secret_name

SECRET = """
    TOKEN HF_TOKEN GITHUB_TOKEN github-token accessToken MYTOKEN token2 X-Auth-Token CI_JOB_TOKEN
    KEY API_KEY apiKey api-key APIKEY OPENAI_API_KEY WANDB_API_KEY WANDB_KEY AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID
    SSH_KEY SSHKEY ssh_private_key ACCOUNTKEY AccountKey API_KEYS sshKeys client_secret SECRET SECRETS my.secret.value
    PASSWORD passwd DB_PASSWORD PGPASSWORD mypassword PASSPHRASE MYSQL_PWD DB_PASS CREDENTIAL CREDENTIALS
    GOOGLE_APPLICATION_CREDENTIALS AUTH REGISTRY_AUTH AUTHORIZATION Authorization OAUTH PRIVATE JWT Set-Cookie
    GITHUB_PAT SENTRY_DSN API_TOKENS BEARER
"""

PLAIN = """
    MONKEY KEYBOARD TURKEY HOTKEY KEYNOTE KEYS missing_keys PRIMARY_KEY_COLUMN primary_key cache_key sort-key
    TOKENIZER TOKENIZERS_PARALLELISM MAX_TOKENS max_new_tokens num_tokens tokens_per_step n_tokens pad_token
    eos_token_id bos_token unk_token mask_token special_tokens image_token tokens AUTHOR AUTHORS COMPASS BYPASS
    PASS PWD OLDPWD FORWARD_PASS num_pass PRNGKey rng_key shuffle_key query_key_value state_dict_keys key_value
    TOKEN_FILE token_pattern KEY_NAME token_type KEY_LENGTH
    SSH_AUTH_SOCK CREDENTIALS_PATH PATH PYTHONPATH HOME LANG OMP_NUM_THREADS
    PATTERN SPATIAL lr momentum 123 _ -
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_secret(name):
    assert secret_name(name)
    assert secret_name(f"--{name}")


@pytest.mark.parametrize("name", [*PLAIN.split(), ""])
def test_plain(name):
    assert not secret_name(name)


def test_passwords_are_surest():
    assert name_strength("db_password") is Strength.PASSWORD
    assert name_strength("hf_token") is Strength.STRONG
    assert name_strength("key") is Strength.WEAK
    assert name_strength("monkey") is Strength.NONE
