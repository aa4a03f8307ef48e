/* SPDX-License-Identifier: Apache-2.0 */
/* Check the arguments of the JWT verifier, its key files and keys. */
#include "tests/unit/support/jwt_maker.h"

/* -- arguments --------------------------------------------------------------------------------- */

static void arguments_are_checked(void **state)
{
    (void)state;
    const char *good = path_of("secret");
    static const struct {
        const char *arguments, *word;
    } cases[] = {
        { "audience=api", "issuer= is missing" },
        { "issuer=i", "audience= is missing" },
        { "issuer=i audience=", "audience=" },
        { "issuer=* issuer=i audience=api", "issuer=" },
        { "issuer=i audience=api audience=*", "audience=" },
        { "issuer=i audience=api leeway=6m", "0s to 5m" },
        { "issuer=i audience=api leeway=-1s", "0s to 5m" },
        { "issuer=i audience=api algorithms=none", "RS256" },
        { "issuer=i audience=api algorithms=RS256,none", "RS256" },
        { "issuer=i audience=api algorithms=", "RS256" },
        { "issuer=i audience=api algorithms=RS256,", "RS256" },
        { "issuer=i audience=api algorithms=HS512", "RS256" },
        { "issuer=i audience=api algorithms=RS256,HS256", "secret=FILE" },
        { "issuer=i audience=api require_exp=maybe", "yes or no" },
        { "issuer=i audience=api typ=", "typ=" },
        { "issuer=i audience=api isuer=j", "no argument isuer=" },
        { "issuer=i audience=api leeway=1s leeway=2s", "leeway= is given twice" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(open_failed(open_with("key=%s %s", ed.path, cases[i].arguments),
                                cases[i].word));
    assert_true(open_failed(open_with(USUAL), "there is no key"));
    assert_true(open_failed(open_with("key=%s secret=%s" USUAL, ed.path, good), "does not name"));
    assert_true(open_failed(open_with("secret=%s algorithms=RS256" USUAL, good), "does not name"));
    opens(open_with("secret=%s algorithms=HS256" USUAL, good));
    opens(open_with("key=%s leeway=5m" USUAL, ed.path));
}

/* -- files ------------------------------------------------------------------------------------- */

static void files_are_checked(void **state)
{
    (void)state;
    static char large[(1 << 20) + 1];
    const char *text = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    const char *path = write_text("file.pem", text);

    assert_true(open_failed(open_with("key=/nowhere" USUAL), "key=/nowhere: No such file"));
    assert_true(open_failed(open_with("key=%s" USUAL, directory), "not a regular file"));
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_true(open_failed(open_with("key=%s" USUAL, path_of("fifo")), "not a regular file"));
    assert_true(open_failed(open_with("jwks=/dev/zero" USUAL), "not a regular file"));
    assert_true(open_failed(open_with("key=%s" USUAL, path), "cannot be read"));
    chmod(path, 0664);
    assert_true(open_failed(open_with("key=%s" USUAL, path), "chmod go-w"));
    chmod(path, 0646);
    assert_true(open_failed(open_with("jwks=%s" USUAL, path), "chmod go-w"));
    if (geteuid() == 0) {
        chmod(path, 0644);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_true(open_failed(open_with("key=%s" USUAL, path), "must belong to root"));
    }
    path = write_file("large", large, sizeof(large), 0644);
    assert_true(open_failed(open_with("key=%s" USUAL, path), "1 MiB"));
    path = write_file("large", large, sizeof(large) - 1, 0644);
    assert_true(open_failed(open_with("key=%s" USUAL, path), "PEM"));
    assert_true(open_failed(open_with("key=%s" USUAL, write_text("empty", "")), "PEM"));
    assert_true(open_failed(open_with("jwks=%s" USUAL, path_of("empty")), "JSON Web Key Set"));
}

static void secrets_are_checked(void **state)
{
    (void)state;
    static const char usual[] = "secret=%s algorithms=HS256" USUAL;
    uint8_t bytes[1025];

    memset(bytes, 'x', sizeof(bytes));
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 32, 0644)), "chmod o-r"));
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 31, 0600)), "too weak"));
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 0, 0600)), "too weak"));
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 1025, 0600)), "too large"));
    opens(open_with(usual, write_file("s", bytes, 32, 0640)));
    opens(open_with(usual, write_file("s", bytes, 1024, 0600)));
    bytes[40] = '\n';
    assert_true(open_failed(open_with(usual, write_file("s", bytes, 41, 0600)), "newline"));
    bytes[0] = 0; /* not a line of text: all bytes count */
    opens(open_with(usual, write_file("s", bytes, 41, 0600)));
}

/* -- PEM --------------------------------------------------------------------------------------- */

static gnutls_datum_t certificate_of(const struct signer *s)
{
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
    gnutls_datum_t pem;

    gnutls_privkey_export_x509(s->private, &key);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\1", 1);
    gnutls_x509_crt_set_activation_time(certificate, 1);
    gnutls_x509_crt_set_expiration_time(certificate, 2);
    gnutls_x509_crt_set_key(certificate, key);
    assert_int_equal(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), 0);
    gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    return pem;
}

static void a_certificate_counts_as_its_key(void **state)
{
    (void)state;
    gnutls_datum_t pem = certificate_of(&ec);
    char two[8192];

    void *v = open_with("key=%s" USUAL, write_file("ec.crt", pem.data, pem.size, 0644));
    assert_int_equal(ask(v, jwt(&ec, "{" CLAIMS "}")), JETON_VERIFIER_PASS);
    module->close(v);
    snprintf(two, sizeof(two), "%s%s", (char *)pem.data, (char *)pem.data);
    assert_true(open_failed(open_with("key=%s" USUAL, write_text("two.crt", two)),
                            "more than one"));
    snprintf(two, sizeof(two), "Bag Attributes\r\n  friendlyName: x\r\n%s", (char *)pem.data);
    opens(open_with("key=%s" USUAL, write_text("bag.crt", two)));
    gnutls_free(pem.data);
}

static void unsuitable_keys_are_refused(void **state)
{
    (void)state;
    struct signer weak = make_signer("weak", "weak"), p384 = make_signer("ES384", "p384");
    const char *private = write_file("private.pem", ec.private_pem.data, ec.private_pem.size, 0600);

    assert_true(open_failed(open_with("key=%s" USUAL, weak.path), "2048 bits"));
    assert_true(open_failed(open_with("key=%s" USUAL, private), "private key"));
    assert_true(open_failed(
        open_with(
            "key=%s" USUAL,
            write_text("old.pem",
                       "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n")),
        "openssl rsa"));
    assert_true(open_failed(open_with("key=%s" USUAL, p384.path), "(P-384) is for ES384"));
    assert_true(open_failed(open_with("key=%s algorithms=RS512" USUAL, ed.path), "EdDSA"));
    assert_true(open_failed(
        open_with(
            "key=%s" USUAL,
            write_text(
                "x25519.pem",
                "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n"
                "-----END PUBLIC KEY-----\n")),
        "this"));
    free_signer(&weak);
    free_signer(&p384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(files_are_checked),
        cmocka_unit_test(secrets_are_checked),
        cmocka_unit_test(a_certificate_counts_as_its_key),
        cmocka_unit_test(unsuitable_keys_are_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, make_keys, free_keys);
}
