/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_fleet_take.h"

#include "daemon/base/clock.h"
#include "daemon/session/cmd_fleet_ask.h"
#include "proto/stamp.h"

static void refuse_value(struct session *s, enum key key, const char *fault)
{
    struct problem p;

    problem_set(&p, STATUS_BAD_VALUE, "%s=: %s", key_name(key), fault);
    session_refuse(s, p.status, p.message);
}

static bool read_number(struct session *s, const struct request *r, enum key key, uint64_t *number)
{
    if (!request_has(r, key) || number_parse(r->value[key], INT64_MAX, number))
        return true;
    refuse_value(s, key, "this should be a number");
    return false;
}

/* Take the right to take, which this session then has until it ends. */
static bool hold(struct session *s)
{
    struct fleet_status *status = s->worker->server->fleet_status;

    if (s->fleet_taker == 0)
        s->fleet_taker = fleet_status_hold_requests(status);
    if (s->fleet_taker != 0)
        return true;
    session_refuse(s, STATUS_BUSY, "another session takes the changes");
    return false;
}

void cmd_fleet_take(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    int64_t wait = 0;

    if (request_has(r, KEY_WAIT) && !duration_parse(r->value[KEY_WAIT], &wait)) {
        refuse_value(s, KEY_WAIT, "this should be a duration such as 30s");
        return;
    }
    if (!hold(s))
        return;
    struct fleet_request *request = fleet_request_new(FLEET_WORD_TAKE);
    if (request != NULL)
        request->until = request_has(r, KEY_WAIT) && wait < INT32_MAX ?
                             clock_monotonic() + (uint64_t)wait * CLOCK_SECOND :
                             UINT64_MAX;
    cmd_fleet_ask(s, request);
}

void cmd_fleet_done(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct fleet_place place;
    uint64_t request = 0, seen = 0, hosts = 0;

    if (!read_number(s, r, KEY_REQUEST, &request) || !read_number(s, r, KEY_SEEN, &seen) ||
        !read_number(s, r, KEY_HOSTS, &hosts))
        return;
    if (!fleet_place_parse(r->value[KEY_PLACE], &place) || place.serial == 0) {
        refuse_value(s, KEY_PLACE, "a place is SERIAL:NONCE");
        return;
    }
    struct fleet_request *done = fleet_request_new(FLEET_WORD_DONE);
    if (done != NULL) {
        done->request = request;
        done->place = place;
        done->has_seen = request_has(r, KEY_SEEN) && request_has(r, KEY_HOSTS);
        done->seen = seen;
        done->hosts = hosts;
    }
    cmd_fleet_ask(s, done);
}

/* Copy what fits. */
static uint8_t copy(char *to, size_t max, struct slice from)
{
    size_t len = from.len < max ? from.len : max;

    memcpy(to, from.at, len);
    return (uint8_t)len;
}

void cmd_fleet_failed(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    uint64_t request = 0;

    if (!read_number(s, r, KEY_REQUEST, &request))
        return;
    struct fleet_request *failed = fleet_request_new(FLEET_WORD_FAILED);
    if (failed != NULL) {
        failed->request = request;
        failed->code_len = copy(failed->code, sizeof(failed->code), r->value[KEY_CODE]);
        if (request_has(r, KEY_MESSAGE))
            failed->message_len = copy(failed->message, sizeof(failed->message),
                                       r->value[KEY_MESSAGE]);
    }
    cmd_fleet_ask(s, failed);
}
