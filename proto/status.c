/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/status.h"

#include <assert.h>

/* clang-format off */
static const struct status_row rows[STATUS_COUNT] = {
    [STATUS_OK] = { ANSWER_OK, "ok", "the token is good, or the request is done",
                    false, 200, "PAM_SUCCESS" },

    [STATUS_MALFORMED] = { ANSWER_NO, "malformed", "not a token: mistyped or cut off",
                           false, 401, "PAM_AUTH_ERR" },
    [STATUS_UNKNOWN] = { ANSWER_NO, "unknown", "no such token here",
                         false, 401, "PAM_AUTH_ERR" },
    [STATUS_IDENTIFIER] = { ANSWER_NO, "identifier",
                            "this is a token's identifier, which authenticates nothing; "
                            "present its value", false, 401, "PAM_AUTH_ERR" },
    [STATUS_PENDING] = { ANSWER_NO, "pending", "the token is not active yet",
                         true, 401, "PAM_PERM_DENIED" },
    [STATUS_EXPIRED] = { ANSWER_NO, "expired", "the token's lifetime is over",
                         false, 401, "PAM_ACCT_EXPIRED" },
    [STATUS_DISABLED] = { ANSWER_NO, "disabled", "the token is disabled for now",
                          true, 401, "PAM_PERM_DENIED" },
    [STATUS_REVOKED] = { ANSWER_NO, "revoked", "the token is revoked, for good",
                         false, 401, "PAM_PERM_DENIED" },
    [STATUS_SCOPE] = { ANSWER_NO, "scope", "the token does not have every scope asked for",
                       false, 403, "PAM_PERM_DENIED" },
    [STATUS_SUBJECT] = { ANSWER_NO, "subject", "the token speaks for another subject",
                         false, 403, "PAM_PERM_DENIED" },
    [STATUS_DENIED] = { ANSWER_NO, "denied", "refused by policy",
                        false, 403, "PAM_PERM_DENIED" },

    [STATUS_SYNTAX] = { ANSWER_ERR, "syntax", "the line does not follow the grammar",
                        false, 400, "PAM_SERVICE_ERR" },
    [STATUS_TOO_LONG] = { ANSWER_ERR, "too-long", "longer than the limit",
                          false, 400, "PAM_SERVICE_ERR" },
    [STATUS_UNKNOWN_VERB] = { ANSWER_ERR, "unknown-verb", "no such verb; try help",
                              false, 400, "PAM_SERVICE_ERR" },
    [STATUS_UNKNOWN_KEY] = { ANSWER_ERR, "unknown-key", "the verb does not take this key",
                             false, 400, "PAM_SERVICE_ERR" },
    [STATUS_DUPLICATE_KEY] = { ANSWER_ERR, "duplicate-key", "a key is given twice",
                               false, 400, "PAM_SERVICE_ERR" },
    [STATUS_MISSING] = { ANSWER_ERR, "missing", "the verb needs one more argument",
                         false, 400, "PAM_SERVICE_ERR" },
    [STATUS_BAD_VALUE] = { ANSWER_ERR, "bad-value", "an argument's value is not acceptable",
                           false, 400, "PAM_SERVICE_ERR" },
    [STATUS_TOO_SHORT] = { ANSWER_ERR, "too-short", "a value needs at least 32 bytes",
                           false, 400, "PAM_SERVICE_ERR" },
    [STATUS_FORBIDDEN] = { ANSWER_ERR, "forbidden", "this socket does not grant the verb",
                           false, 403, "PAM_SERVICE_ERR" },
    [STATUS_EXISTS] = { ANSWER_ERR, "exists", "the token is already here",
                        false, 409, "PAM_SERVICE_ERR" },
    [STATUS_BANNED] = { ANSWER_ERR, "banned", "the credential is denied here, and not taken over",
                        false, 409, "PAM_SERVICE_ERR" },
    [STATUS_POLICY] = { ANSWER_ERR, "policy", "a rule of the configuration refuses it",
                        false, 403, "PAM_SERVICE_ERR" },
    [STATUS_GONE] = { ANSWER_ERR, "gone", "the journal does not reach to that serial",
                      false, 410, "PAM_SERVICE_ERR" },
    [STATUS_PLACE] = { ANSWER_ERR, "place", "this host is at another place of the fleet's history",
                       false, 409, "PAM_SERVICE_ERR" },
    [STATUS_NO_BATCH] = { ANSWER_ERR, "no-batch", "this belongs into a batch, which fleet begin begins",
                          false, 409, "PAM_SERVICE_ERR" },
    [STATUS_TOO_LARGE] = { ANSWER_ERR, "too-large", "a batch has at most 5001 changes and 8 MiB",
                           false, 413, "PAM_SERVICE_ERR" },
    [STATUS_COUNT_DIFFERS] = { ANSWER_ERR, "count",
                               "nothing was changed: confirm with count= how many tokens match",
                               false, 409, "PAM_SERVICE_ERR" },
    [STATUS_FULL] = { ANSWER_ERR, "full", "the store is at its size limit",
                      true, 507, "PAM_SERVICE_ERR" },
    [STATUS_STORE] = { ANSWER_ERR, "store", "the store could not save the change",
                       true, 503, "PAM_AUTHINFO_UNAVAIL" },
    [STATUS_BUSY] = { ANSWER_ERR, "busy", "too much at once",
                      true, 503, "PAM_AUTHINFO_UNAVAIL" },
    [STATUS_UNAVAILABLE] = { ANSWER_ERR, "unavailable", "nobody could judge the token",
                             true, 503, "PAM_AUTHINFO_UNAVAIL" },
    [STATUS_INTERNAL] = { ANSWER_ERR, "internal", "the daemon failed; its log says how",
                          true, 500, "PAM_SYSTEM_ERR" },
};
/* clang-format on */

const struct status_row *status_row(enum status status)
{
    assert(status >= 0 && status < STATUS_COUNT);
    return &rows[status];
}

enum status status_named(enum answer_kind kind, struct slice word)
{
    if (kind == ANSWER_OK)
        return STATUS_OK;
    for (enum status s = 0; s < STATUS_COUNT; s++)
        if (rows[s].kind == kind && slice_is(word, rows[s].word))
            return s;
    return STATUS_COUNT;
}
