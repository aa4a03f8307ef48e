/* SPDX-License-Identifier: Apache-2.0 */
/* libjeton: its verdicts, and its arguments. */
#include "tests/unit/support/fake_daemon.h"

static const struct {
    uint64_t number; /* 0: text is the value */
    const char *text, *scopes, *subject;
    enum jeton_status status;
} cases[] = {
    { 1, NULL, NULL, NULL, JETON_OK },
    { 1, NULL, "deploy", "alice", JETON_OK },
    { 1, NULL, "deploy,read", NULL, JETON_OK },
    { 1, NULL, "deploy,write", NULL, JETON_SCOPE },
    { 1, NULL, "write", "bob", JETON_SUBJECT },
    { 1, NULL, NULL, "", JETON_SUBJECT },
    { 1, NULL, NULL, "al\xff\n\"\\ice", JETON_SUBJECT },
    { 2, NULL, NULL, NULL, JETON_REVOKED },
    { 2, NULL, "write", "bob", JETON_REVOKED },
    { 3, NULL, NULL, NULL, JETON_DISABLED },
    { 4, NULL, NULL, NULL, JETON_EXPIRED },
    { 5, NULL, NULL, NULL, JETON_PENDING },
    { 6, NULL, NULL, NULL, JETON_OK },
    { 99, NULL, NULL, NULL, JETON_UNKNOWN },
    { 0, "jtn_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ123456", NULL, NULL, JETON_MALFORMED },
    { 0, "0123456789abcdef0123", NULL, NULL, JETON_IDENTIFIER },
    { 0, "short", NULL, NULL, JETON_MALFORMED },
    { 0, "", NULL, NULL, JETON_MALFORMED },
    { 0, "key=\"quoted\\ value\" with \x01 and \xff and \n here", NULL, NULL, JETON_UNKNOWN },
    { 1, NULL, "", NULL, JETON_INVALID },
    { 1, NULL, "a,,b", NULL, JETON_INVALID },
    { 1, NULL, "a b", NULL, JETON_INVALID },
};

static void put_cases(void)
{
    struct record r;

    put_token(1);
    for (uint64_t number = 2; number <= 6; number++) {
        r = record_numbered(number);
        r.revoked = number == 2, r.disabled = number == 3;
        r.expires = number == 4 ? 5 : number == 6 ? 4000000000 : TIME_NEVER;
        r.activates = number == 5 ? time(NULL) + 1000 : TIME_ALWAYS;
        put_record(&r);
    }
}

static void check_claims(const struct jeton_claims *c, size_t i, enum jeton_source source)
{
    char id[ID_TEXT + 1] = "";
    struct text t = text_in(id, ID_TEXT);
    bool ok = cases[i].status == JETON_OK;
    bool known = cases[i].number > 0 && cases[i].number < 10 && cases[i].status < JETON_INVALID;

    if (known) {
        struct record r = record_numbered(cases[i].number);
        text_add_hex(&t, r.digest, ID_SIZE);
    }
    assert_int_equal(jeton_source(c), source);
    assert_string_equal(c->id, id);
    assert_string_equal(c->subject, ok ? "alice" : "");
    assert_string_equal(c->scopes, ok ? "deploy,read" : "");
    assert_string_equal(c->verifier, ok ? "local" : "");
    assert_int_equal(c->expires, !ok ? 0 : cases[i].number == 6 ? 4000000000 : JETON_NEVER);
    assert_true(cases[i].status == JETON_PENDING ? c->retry_after > 990 : c->retry_after == 0);
}

static void table_and_daemon_give_the_same_verdicts(void **state)
{
    (void)state;
    put_cases();
    struct jeton *handles[] = { open_with(0), open_with(JETON_NO_TABLE) };
    char value[33];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        value_numbered(cases[i].number, value);
        const char *text = cases[i].text != NULL ? cases[i].text : value;
        for (int which = 0; which < 2; which++) {
            struct jeton_claims c = JETON_CLAIMS_INIT;
            memset(c.id, 'x', sizeof(c) - offsetof(struct jeton_claims, id));
            assert_int_equal(jeton_verify(handles[which], text, strlen(text), cases[i].scopes,
                                          cases[i].subject, &c),
                             cases[i].status);
            assert_int_equal(jeton_verify(handles[which], text, strlen(text), cases[i].scopes,
                                          cases[i].subject, NULL),
                             cases[i].status);
            check_claims(&c, i,
                         cases[i].status == JETON_INVALID ? JETON_NOBODY :
                         which == 0                       ? JETON_TABLE :
                                                            JETON_DAEMON);
        }
    }
    for (int which = 0; which < 2; which++) {
        static char big[100000], subject[300];
        struct jeton_claims wrong = { .size = 8 };
        memset(subject, 'a', sizeof(subject) - 1);
        assert_int_equal(jeton_verify(handles[which], big, sizeof(big), NULL, NULL, NULL),
                         JETON_MALFORMED);
        assert_int_equal(jeton_verify(handles[which], big, 512, NULL, NULL, NULL), JETON_UNKNOWN);
        assert_int_equal(jeton_verify(handles[which], big, 32, NULL, subject, NULL), JETON_INVALID);
        assert_int_equal(jeton_verify(handles[which], NULL, 32, NULL, NULL, NULL), JETON_INVALID);
        assert_int_equal(jeton_verify(handles[which], big, 32, NULL, NULL, &wrong), JETON_INVALID);
        jeton_close(handles[which]);
    }
}

/* All cases, over and over, so that batches of every fill come up; each with claims of its own. */
static void a_batch_gives_the_verdicts_of_single_calls(void **state)
{
    (void)state;
    enum { CASES = sizeof(cases) / sizeof(cases[0]), MOST = 5 * CASES };
    static char value[CASES][33];
    static struct jeton_claims claims_of[MOST];
    static struct jeton_check question[MOST + 1];
    struct jeton *handles[] = { open_with(0), open_with(JETON_NO_TABLE) };

    put_cases();
    for (size_t count = 0; count <= MOST; count += count < 2 * CASES ? 1 : 17) {
        int which = count % 16 == 15;
        size_t passes = 0;
        for (size_t i = 0; i < count; i++) {
            size_t c = i % CASES;
            value_numbered(cases[c].number, value[c]);
            const char *text = cases[c].text != NULL ? cases[c].text : value[c];
            claims_of[i] = (struct jeton_claims)JETON_CLAIMS_INIT;
            question[i] = (struct jeton_check){
                text, strlen(text), cases[c].scopes, cases[c].subject, &claims_of[i], -1, 0
            };
            passes += cases[c].status == JETON_OK;
        }
        question[count].status = -7;
        assert_int_equal(jeton_verify_batch(handles[which], question, count), passes);
        assert_int_equal(question[count].status, -7);
        for (size_t i = 0; i < count; i++) {
            size_t c = i % CASES;
            assert_int_equal(question[i].status, cases[c].status);
            check_claims(&claims_of[i], c,
                         cases[c].status == JETON_INVALID ? JETON_NOBODY :
                         which == 0                       ? JETON_TABLE :
                                                            JETON_DAEMON);
        }
    }
    jeton_close(handles[0]);
    jeton_close(handles[1]);
}

/* One question that nobody answers does not cost each of the others a timeout. */
static void a_batch_has_one_timeout(void **state)
{
    (void)state;
    enum { COUNT = 200, MILLISECONDS = 100 };
    struct jeton_check question[COUNT];
    struct jeton *h = open_with(JETON_NO_TABLE);
    struct timespec began, ended;
    char value[33];

    put_token(1);
    value_numbered(1, value);
    for (size_t i = 0; i < COUNT; i++)
        question[i] = (struct jeton_check){ .value = value, .length = 32 };
    assert_int_equal(jeton_set_timeout(h, MILLISECONDS), 0);
    fake.verify_reply = "";
    clock_gettime(CLOCK_MONOTONIC, &began);
    assert_int_equal(jeton_verify_batch(h, question, COUNT), 0);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(question[i].status, JETON_UNAVAILABLE);
    assert_true((ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000 <
                COUNT / 2 * MILLISECONDS);
    jeton_close(h);
}

static void a_strange_reply_is_never_a_pass(void **state)
{
    (void)state;
    static const char *const strange[] = {
        "OK\n",
        "OK id=\n",
        "OK verifier=local\n",
        "OK id=0123456789abcdef0123\n",
        "OK id=0123456789abcdef0123 verifier=local\n",
        "OK id=\"a\\x00b\" verifier=jwt\n",
        "OK id=1 verifier=jwt expires=tomorrow\n",
        "OK id=1 verifier=jwt subject=\"a\\x00b\"\n",
        "OK id=1111111111111111111111111111111111111111111111111111111111111111 verifier=jwt\n",
        "NO\n",
        "ERR internal\n",
        "ERR forbidden\n",
        "ERR syntax\n",
        "whatever\n",
        "* id=1\nOK\n",
    };
    struct jeton *h = open_with(JETON_NO_TABLE);

    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        fake.verify_reply = strange[i];
        assert_int_equal(verify(h, 1), JETON_UNAVAILABLE);
        assert_int_equal(jeton_source(&claims), JETON_NOBODY);
        assert_string_equal(claims.id, "");
        assert_string_equal(claims.subject, "");
    }
    fake.verify_reply = "NO full-moon\n";
    assert_int_equal(verify(h, 1), JETON_DENIED);
    fake.verify_reply = "OK id=someone@idp verifier=jwt subject=bob later=news\n";
    assert_int_equal(verify(h, 1), JETON_OK);
    assert_string_equal(claims.id, "someone@idp");
    assert_string_equal(claims.subject, "bob");
    jeton_close(h);
}

/* JETON_INVALID is for what the library itself finds wrong with a call: a daemon that cannot make
 * sense of a question has not judged the token. */
static void no_error_of_the_daemon_is_the_callers_mistake(void **state)
{
    (void)state;
    struct jeton *h = open_with(JETON_NO_TABLE);
    static char lines[STATUS_COUNT][80]; /* the daemon's thread reads each */

    for (int s = 0; s < STATUS_COUNT; s++) {
        const struct status_row *row = status_row((enum status)s);
        if (row->kind != ANSWER_ERR)
            continue;
        snprintf(lines[s], sizeof(lines[s]), "ERR %s x\n", row->word);
        fake.verify_reply = lines[s];
        assert_int_equal(verify(h, 1), JETON_UNAVAILABLE);
        assert_int_equal(jeton_source(&claims), JETON_NOBODY);
    }
    jeton_close(h);
}

static void every_status_has_its_word_text_and_http_status(void **state)
{
    (void)state;
    assert_string_equal(jeton_status_word(JETON_OK), "ok");
    assert_string_equal(jeton_status_word(JETON_REVOKED), "revoked");
    assert_string_equal(jeton_status_word(JETON_INVALID), "invalid");
    assert_string_equal(jeton_status_word(JETON_WAITING), "waiting");
    assert_int_equal(jeton_status_http(JETON_OK), 200);
    assert_int_equal(jeton_status_http(JETON_PENDING), 401);
    assert_int_equal(jeton_status_http(JETON_SCOPE), 403);
    assert_int_equal(jeton_status_http(JETON_UNAVAILABLE), 503);
    assert_int_equal(jeton_status_http(JETON_INVALID), 500);
    for (int s = -1; s < 100; s++) {
        assert_true(strlen(jeton_status_text((enum jeton_status)s)) > 0);
        assert_true(s == 0 || jeton_status_http((enum jeton_status)s) >= 400);
    }
}

static void wrong_arguments_do_not_open(void **state)
{
    (void)state;
    char long_path[200] = "/", link[80];
    struct jeton *h = (struct jeton *)fake.path;

    memset(long_path + 1, 'x', 150);
    assert_int_equal(jeton_open(&h, "relative", NULL, 0), -EINVAL);
    assert_null(h);
    assert_int_equal(jeton_open(&h, long_path, NULL, 0), -ENAMETOOLONG);
    assert_int_equal(jeton_open(&h, fake.path, "", 0), -EINVAL);
    assert_int_equal(jeton_open(&h, fake.path, "a b", 0), -EINVAL);
    assert_int_equal(jeton_open(&h, fake.path, "a,b", 0), -EINVAL);
    assert_int_equal(jeton_open(&h, fake.path, NULL, 8), -EINVAL);
    snprintf(link, sizeof(link), "%s/l", fake.directory);
    assert_int_equal(symlink(fake.path, link), 0);
    assert_int_equal(jeton_open(&h, link, NULL, 0), -ELOOP);
    unlink(link);
    chmod(fake.directory, 0777);
    assert_int_equal(jeton_open(&h, fake.path, NULL, 0), -EPERM);
    chmod(fake.directory, 0700);
    assert_int_equal(jeton_open(&h, fake.path, "git-upload", 0), 0);
    assert_int_equal(jeton_set_timeout(h, 0), -EINVAL);
    assert_int_equal(jeton_set_timeout(h, 600001), -EINVAL);
    jeton_close(h);
    jeton_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FAKE_DAEMON(table_and_daemon_give_the_same_verdicts),
        WITH_FAKE_DAEMON(a_batch_gives_the_verdicts_of_single_calls),
        WITH_FAKE_DAEMON(a_batch_has_one_timeout),
        WITH_FAKE_DAEMON(a_strange_reply_is_never_a_pass),
        WITH_FAKE_DAEMON(no_error_of_the_daemon_is_the_callers_mistake),
        cmocka_unit_test(every_status_has_its_word_text_and_http_status),
        WITH_FAKE_DAEMON(wrong_arguments_do_not_open),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
