/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent of a fleet reads of the database and of jetond.
 *
 *     input = "f", a row of the feed: its event, NUL, 16 bits for the length of its digests, these, and its claims
 *           | "s", a row of a snapshot: the digest's bytes, and its claims
 *           | "c", messages of a copy: 16 bits for the length of each, and its bytes
 *           | "p", a place: a serial, NUL, a UUID
 *           | "r", a line of jetond's
 *
 * A row becomes one line for each digest, which jetond takes for the change that the row is; a denial stays one. */
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#include "daemon/writer/fleet_change_read.h"
#include "plugin/fleet/change.h"
#include "plugin/fleet/change_request.h"
#include "plugin/fleet/copy_row.h"
#include "proto/reply.h"

enum { COLUMNS = 2, DIGESTS_MOST = 32 /* that are checked */ };

FUZZ_HARNESS_BEGINS

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return sodium_init() < 0;
}

/* Consume up to a NUL, or all. */
static struct slice consume_text(struct fuzz_input *in)
{
    const uint8_t *nul = in->left > 0 ? memchr(in->at, '\0', in->left) : NULL;
    struct slice text = consume_bytes(in, nul != NULL ? (size_t)(nul - in->at) : in->left);

    consume_byte(in);
    return text;
}

/* -- rows --------------------------------------------------------------------------------------- */

static bool is_event(const struct change_row *row, const char *event)
{
    return !row->snapshot && slice_is(row->event, event);
}

/* Check what jetond makes of a change. */
static void check_change(const struct change_row *row, const struct request *r,
                         const uint8_t digest[DIGEST_SIZE])
{
    static struct fleet_change_want want;
    struct problem problem;

    MUST(is_event(row, "delete") == (r->verb == VERB_DROP));
    if (fleet_change_read(r, 1700000000, &want, &problem) != STATUS_OK) {
        MUST(problem.status == STATUS_BAD_VALUE && problem.message[0] != '\0');
        return;
    }
    MUST(memcmp(want.record.digest, digest, DIGEST_SIZE) == 0);
    MUST(r->verb == VERB_DROP || record_is_fleet(&want.record));
    MUST(!is_event(row, "revoke") || (r->verb == VERB_DENY && want.record.revoked != 0));
    MUST(!is_event(row, "disable") || (r->verb == VERB_DENY && want.record.disabled != 0));
    MUST(!is_event(row, "enable") || (r->verb == VERB_PUT && want.enables));
    if (request_has(r, KEY_STATE))
        MUST((!slice_is(r->value[KEY_STATE], "revoked") || want.record.revoked != 0) &&
             (!slice_is(r->value[KEY_STATE], "disabled") || want.record.disabled != 0));
}

/* Let jetond read a line. */
static void check_line(const struct change_row *row, struct slice line,
                       const uint8_t digest[DIGEST_SIZE])
{
    struct request r;
    struct problem problem;
    uint8_t read[DIGEST_SIZE];

    MUST(line.len > 1 && line.len <= LINE_MAX_BYTES && line.at[line.len - 1] == '\n');
    char *copy = fuzz_copy((struct slice){ line.at, line.len - 1 });
    MUST(memchr(copy, '\n', line.len - 1) == NULL);
    const struct request_line look = request_look(copy, line.len - 1);
    MUST(request_parse(&look, ROLE_FLEET, &r, &problem) == STATUS_OK);
    MUST(r.verb == VERB_PUT || r.verb == VERB_DENY || r.verb == VERB_DROP);
    MUST(hex_parse(r.value[KEY_DIGEST], read, DIGEST_SIZE));
    MUST(memcmp(read, digest, DIGEST_SIZE) == 0);
    check_change(row, &r, digest);
    free(copy);
}

static void check_lines(const struct change_row *row, struct slice lines, size_t count)
{
    const size_t len = lines.len / count;

    MUST(len * count == lines.len);
    for (size_t i = 0; i < count && i < DIGESTS_MOST; i++)
        check_line(row, (struct slice){ lines.at + i * len, len },
                   (const uint8_t *)row->digest.at + i * DIGEST_SIZE);
}

static void check_row(const struct change_row *row)
{
    static struct change change;
    const char *why = NULL;
    const bool read = change_read(&change, row, &why);

    MUST(read == (why == NULL) && (read || (why[0] != '\0' && change.count == 0)));
    if (!read)
        return;
    MUST(change.count * DIGEST_SIZE == row->digest.len && change.count <= CHANGE_DIGESTS_MAX);
    MUST(change.count <= 1 || !row->snapshot);
    const size_t size = change_size(&change);
    char *bytes = malloc(size + 1);
    struct text t = text_in(bytes, size);
    MUST(bytes != NULL);
    change_write(&change, &t);
    MUST(!t.cut && t.len == size && (size == 0) == (change.count == 0));
    if (size > 0)
        check_lines(row, (struct slice){ bytes, size }, change.count);
    free(bytes);
}

static void check_row_of_feed(struct fuzz_input *in)
{
    struct slice event = consume_text(in), digests = consume_bytes(in, consume_u16(in)),
                 claims = consume_bytes(in, in->left);
    char *a = fuzz_copy(event), *b = fuzz_copy(digests), *c = fuzz_copy(claims);

    check_row(&(struct change_row){
        .event = { a, event.len }, .digest = { b, digests.len }, .claims = { c, claims.len } });
    free(a);
    free(b);
    free(c);
}

static void check_row_of_snapshot(struct fuzz_input *in)
{
    struct slice digest = consume_bytes(in, DIGEST_SIZE), claims = consume_bytes(in, in->left);
    char *a = fuzz_copy(digest), *b = fuzz_copy(claims);

    check_row(&(struct change_row){
        .digest = { a, digest.len }, .claims = { b, claims.len }, .snapshot = true });
    free(a);
    free(b);
}

/* Read the rows of one message.  False: it is none. */
static bool check_message(struct copy_reader *reader, struct slice message)
{
    struct slice column[COLUMNS], rest = message;
    enum copy_found found;

    while ((found = copy_row_take(reader, &rest, column, COLUMNS)) == COPY_ROW) {
        MUST(reader->begun && !reader->ended);
        for (int i = 0; i < COLUMNS; i++)
            MUST(column[i].at == NULL ?
                     column[i].len == 0 :
                     column[i].at >= message.at &&
                         column[i].at + column[i].len <= message.at + message.len);
        check_row(&(struct change_row){
            .digest = column[0], .claims = column[1], .snapshot = true });
    }
    MUST(found == COPY_WRONG || rest.len == 0);
    return found == COPY_NOTHING;
}

static void check_copy(struct fuzz_input *in)
{
    struct copy_reader reader = { .begun = false };
    bool right = true, ended = false;

    while (in->left > 0 && right) {
        struct slice bytes = consume_bytes(in, consume_u16(in));
        char *message = fuzz_copy(bytes);
        right = check_message(&reader, (struct slice){ message, bytes.len });
        MUST(!ended || bytes.len == 0 || !right);
        ended = reader.ended;
        free(message);
    }
}

/* -- places and lines --------------------------------------------------------------------------- */

static void check_place(struct fuzz_input *in)
{
    struct slice serial = consume_text(in), uuid = consume_bytes(in, in->left);
    char bytes[64], *a = fuzz_copy(serial), *b = fuzz_copy(uuid);
    struct text t = text_in(bytes, sizeof(bytes));
    struct fleet_place place, again;

    if (place_of_row((struct slice){ a, serial.len }, (struct slice){ b, uuid.len }, &place)) {
        MUST(place.serial > 0 && place.serial <= INT64_MAX);
        place_put_uuid(&t, &place);
        MUST(!t.cut && place_of_row(serial, text_slice(&t), &again));
        MUST(fleet_place_equal(&place, &again));
    }
    free(a);
    free(b);
}

static bool is_number(const char *text)
{
    return text == NULL || (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0');
}

static void check_request(const struct line *line)
{
    uint8_t bytes[DIGEST_SIZE];
    uint64_t number;
    struct change_request *r = change_request_parse(line, &number);

    if (r == NULL)
        return;
    MUST(number > 0 && r->number == number && r->wait >= 0 && r->event != NULL);
    MUST(strlen(r->digest) == (size_t)2 * DIGEST_SIZE &&
         hex_parse(slice_of(r->digest), bytes, DIGEST_SIZE));
    MUST(r->group[0] != '\0' && fleet_name_fault(slice_of(r->group)) == NULL);
    MUST(r->uid != NULL && is_number(r->uid) && is_number(r->created) && is_number(r->activates) &&
         is_number(r->expires));
    MUST(r->denies || r->created != NULL);
    MUST(change_request_is_alike(r, r) == r->denies);
    free(r);
}

static void check_reply(struct fuzz_input *in)
{
    struct slice bytes = consume_bytes(in, in->left);
    char *line = fuzz_copy(bytes);
    struct reply reply;

    if (reply_parse(line, bytes.len, &reply) && !reply.final)
        check_request(&reply.line);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fuzz_input in = { bytes, len };

    switch (consume_byte(&in)) {
    case 'f':
        check_row_of_feed(&in);
        break;
    case 's':
        check_row_of_snapshot(&in);
        break;
    case 'c':
        check_copy(&in);
        break;
    case 'p':
        check_place(&in);
        break;
    case 'r':
        check_reply(&in);
    }
    return 0;
}

FUZZ_HARNESS_ENDS
