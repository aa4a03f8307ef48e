/* SPDX-License-Identifier: Apache-2.0 */
/* Parse a stored record; written and parsed again, it must be the same.
 *
 *     input = the line.  Its id is taken from its digest, if that can be parsed */
#include "tests/fuzz/fuzz.h"

#include "daemon/store/record.h"
#include "proto/scopes.h"
#include "proto/stamp.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void find_id(struct slice line, uint8_t id[ID_SIZE])
{
    static const char before[] = "digest=";
    const char *at = line.len > 0 ? memmem(line.at, line.len, before, sizeof(before) - 1) : NULL;

    memset(id, 0, ID_SIZE);
    if (at != NULL && (size_t)(line.at + line.len - at) >= sizeof(before) - 1 + ID_TEXT)
        hex_parse((struct slice){ at + sizeof(before) - 1, ID_TEXT }, id, ID_SIZE);
}

static void check_limits(const struct record *r)
{
    MUST(r->subject_len <= SUBJECT_MAX && r->scopes_len <= SCOPES_TEXT_MAX &&
         r->description_len <= DESCRIPTION_MAX);
    MUST(utf8_valid(record_subject(r)) && utf8_valid(record_description(r)));
    MUST(scopes_fault(record_scopes(r)) == NULL);
    MUST(r->created >= 0 && r->created <= STAMP_MAX && r->revoked >= 0 && r->disabled >= 0);
    MUST(r->expires == TIME_NEVER || r->expires <= STAMP_MAX);
    MUST(record_own_end(r) >= r->expires && r->own_end >= 0 && r->rotated >= 0);
}

static void check_same(const struct record *a, const struct record *b)
{
    MUST(memcmp(a->digest, b->digest, DIGEST_SIZE) == 0 && a->serial == b->serial);
    MUST(a->created == b->created && a->activates == b->activates && a->expires == b->expires);
    MUST(a->revoked == b->revoked && a->disabled == b->disabled && a->by == b->by);
    MUST(a->has_replaces == b->has_replaces &&
         (!a->has_replaces || memcmp(a->replaces, b->replaces, ID_SIZE) == 0));
    MUST(a->own_end == b->own_end && a->rotated == b->rotated);
    MUST(a->has_signed == b->has_signed &&
         (!a->has_signed || memcmp(a->signed_part, b->signed_part, DIGEST_SIZE) == 0));
    MUST(slice_equal(record_subject(a), record_subject(b)));
    MUST(slice_equal(record_scopes(a), record_scopes(b)));
    MUST(slice_equal(record_description(a), record_description(b)));
}

/* Check that a denial in the line is one in the record. */
static void check_denials(const struct record *r, struct slice line)
{
    static const char revoked[] = " revoked=", disabled[] = " disabled=";

    if (memchr(line.at, '"', line.len) != NULL)
        return; /* it may be part of a description */
    if (memmem(line.at, line.len, revoked, sizeof(revoked) - 1) != NULL)
        MUST((record_flags(r) & SLOT_REVOKED) != 0 && record_ended(r) <= r->revoked);
    if (memmem(line.at, line.len, disabled, sizeof(disabled) - 1) != NULL)
        MUST((record_flags(r) & SLOT_DISABLED) != 0);
}

static void check_written(const struct record *r)
{
    char buffer[RECORD_LINE_MAX], key[RECORD_KEY_SIZE];
    struct text line = text_in(buffer, sizeof(buffer));
    struct record again;
    uint8_t id[ID_SIZE];

    record_write(&line, r);
    MUST(!line.cut);
    MUST(record_parse(&again, r->digest, text_slice(&line)) == NULL);
    check_same(r, &again);
    record_key(r->digest, key);
    MUST(record_key_parse((struct slice){ key, sizeof(key) }, id));
    MUST(memcmp(id, r->digest, ID_SIZE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    struct slice line = { (const char *)input, len };
    uint8_t id[ID_SIZE];
    struct record r;

    find_id(line, id);
    char *copy = fuzz_copy(line);
    if (record_parse(&r, id, (struct slice){ copy, len }) == NULL) {
        MUST(memcmp(r.digest, id, ID_SIZE) == 0);
        check_limits(&r);
        check_denials(&r, line);
        check_written(&r);
    }
    record_key_parse((struct slice){ copy, len }, id);
    free(copy);
    return 0;
}
