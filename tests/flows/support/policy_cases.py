# SPDX-License-Identifier: Apache-2.0
"""Requests under a policy, and how each must be answered, in their order.

A request may name the tokens of earlier ones: `NAME := request` keeps the id of what it made, {NAME} stands for it;
{in:90d} is a time so far from now, {digest} a new digest.  An answer is `OK` with fields that the reply must have, or
the refusal with all its fields but the message.  KEY=~DURATION: a time that far from now; KEY=-: the key is not there."""

# Made before there is a policy.
EARLIER = """
old := create subject=old scopes=admin,read
bare := create
long := create subject=long description=x expires={in:800d}
crowd1 := create subject=crowd description=1
crowd2 := create subject=crowd description=2
crowd3 := create subject=crowd description=3
crowd4 := create subject=crowd description=4
other := create subject=other description=x ttl=10d scopes=read
"""

POLICY = """
[policy svc]
subject = svc-*
max_ttl = 365d
require = subject, scopes, expiry
scopes = read,write
[policy bot]
subject = bot
max_tokens_per_subject = 1
[policy free]
subject = *@free
[policy]
default_ttl = 30d
max_ttl = 90d
require = description
scopes = read, deploy:*
scopes = *:list
max_tokens_per_subject = 3
"""

CASES = """
# -- create: the lifetime
create description=x                                    -> OK expires=~30d
create description=x ttl=90d                            -> OK expires=~90d
create description=x ttl=91d                            -> ERR policy rule=max_ttl max=90d
create description=x ttl=7776001s                       -> ERR policy rule=max_ttl max=90d
create description=x expires={in:89d}                   -> OK expires=~89d
create description=x expires={in:91d}                   -> ERR policy rule=max_ttl max=90d
create description=x expires=never                      -> ERR policy rule=max_ttl max=90d
create description=x ttl=1s                             -> OK expires=~1s
create description=x delay=1d                           -> OK expires=~30d activates=~1d
create description=x delay=31d                          -> ERR bad-value
create description=x delay=31d ttl=90d                  -> OK expires=~90d
create description=x delay=80d ttl=91d                  -> ERR policy rule=max_ttl max=90d
# -- create: what is required
create                                                  -> ERR policy rule=require missing=description
create ttl=5d subject=a scopes=read                     -> ERR policy rule=require missing=description
create description=""                                   -> ERR policy rule=require missing=description
create ttl=91d                                          -> ERR policy rule=require missing=description
create description=" "                                  -> OK
create subject=svc-a scopes=read ttl=1d                 -> OK description=-
create subject=svc-a scopes=read                        -> ERR policy rule=require policy=svc missing=expiry
create subject=svc-a ttl=1d                             -> ERR policy rule=require policy=svc missing=scopes
create subject=svc-a                                    -> ERR policy rule=require policy=svc missing=scopes,expiry
# -- create: scopes
create description=x scopes=read                        -> OK scopes=read
create description=x scopes=Read                        -> ERR policy rule=scopes scope=Read
create description=x scopes=reads                       -> ERR policy rule=scopes scope=reads
create description=x scopes=deploy:prod                 -> OK
create description=x scopes=deploy:                     -> OK
create description=x scopes=deploy                      -> ERR policy rule=scopes scope=deploy
create description=x scopes=*                           -> ERR policy rule=scopes scope=*
create description=x scopes=deploy:*                    -> OK scopes=deploy:*
create description=x scopes=users:list                  -> OK
create description=x scopes=a:b:list                    -> OK
create description=x scopes=:list                       -> OK
create description=x scopes=users:lists                 -> ERR policy rule=scopes scope=users:lists
create description=x scopes=read,deploy:x,y:list        -> OK
create description=x scopes=read,zzz,deploy:x           -> ERR policy rule=scopes scope=zzz
create description=x scopes=zzz,admin                   -> ERR policy rule=scopes scope=admin
create subject=svc-b scopes=write ttl=300d              -> OK expires=~300d
create subject=svc-b scopes=deploy:x ttl=1d             -> ERR policy rule=scopes policy=svc scope=deploy:x
# -- create: which policy
create subject=svc- scopes=write ttl=1d                 -> OK
create subject=svc scopes=write ttl=1d description=x    -> ERR policy rule=scopes scope=write
create subject=Svc-a description=x scopes=write         -> ERR policy rule=scopes scope=write
create subject=svc-a@free scopes=any ttl=1d             -> ERR policy rule=scopes policy=svc scope=any
create subject=ann@free                                 -> OK expires=-
create subject=ann@free scopes=any,thing ttl=1000d      -> OK expires=~1000d
create subject=ann@free@x scopes=read                   -> ERR policy rule=require missing=description
create subject=svc-c scopes=read ttl=366d               -> ERR policy rule=max_ttl policy=svc max=365d
# -- create: how many
bot1 := create subject=bot                              -> OK expires=-
create subject=bot                                      -> ERR policy rule=max_tokens_per_subject policy=bot max=1
create subject=bot ttl=1d                               -> ERR policy rule=max_tokens_per_subject policy=bot max=1
disable {bot1}                                          -> OK
create subject=bot                                      -> ERR policy rule=max_tokens_per_subject policy=bot max=1
revoke {bot1}                                           -> OK
bot2 := create subject=bot                              -> OK
delete {bot2}                                           -> OK
bot3 := create subject=bot                              -> OK
eve1 := create subject=eve description=1                -> OK
eve2 := create subject=eve description=2                -> OK
eve3 := create subject=eve description=3                -> OK
create subject=eve description=4                        -> ERR policy rule=max_tokens_per_subject max=3
create subject=EVE description=4                        -> OK
create description=none                                 -> OK subject=-
create subject=crowd description=5                      -> ERR policy rule=max_tokens_per_subject max=3
# -- rotate
rotate {eve1} grace=1h                                  -> ERR policy rule=max_tokens_per_subject max=3
eve4 := rotate {eve1}                                   -> OK expires=~30d
rotate {bot3}                                           -> OK expires=-
rotate {old}                                            -> ERR policy rule=require missing=description
update {old} description=now                            -> OK
rotate {old}                                            -> ERR policy rule=scopes scope=admin
update {old} scopes=read                                -> OK
old2 := rotate {old}                                    -> OK expires=~30d scopes=read
long2 := rotate {long} grace=1d                         -> OK expires=~90d
rotate {crowd1}                                         -> OK expires=~30d
rotate {crowd2} grace=1m                                -> ERR policy rule=max_tokens_per_subject max=3
# -- update: the lifetime
update {other} expires={in:90d}                         -> OK expires=~90d
update {other} expires={in:91d}                         -> ERR policy rule=max_ttl max=90d
update {other} expires=never                            -> ERR policy rule=max_ttl max=90d
update {other} expires={in:5d}                          -> OK expires=~5d
update {crowd3} expires={in:900d}                       -> OK expires=~900d
update {crowd3} expires={in:950d}                       -> ERR policy rule=max_ttl max=90d
update {crowd3} expires=never                           -> ERR policy rule=max_ttl max=90d
# -- update: what is not touched
update {bare} subject=bare                              -> ERR policy rule=require missing=description
update {bare} scopes=read                               -> OK expires=-
update {bare} scopes=read,admin                         -> ERR policy rule=scopes scope=admin
update {bare} description=x                             -> OK expires=-
update {bare} description=""                            -> ERR policy rule=require missing=description
update {crowd4} description=changed                     -> OK expires=-
# -- update: another subject
update {other} subject=svc-z                            -> OK subject=svc-z
update {crowd4} subject=svc-z                           -> ERR policy rule=require policy=svc missing=scopes,expiry
update {eve2} subject=bot                               -> ERR policy rule=max_tokens_per_subject policy=bot max=1
update {eve2} subject=eve                               -> OK
update {crowd4} subject=eve                             -> ERR policy rule=max_ttl max=90d
update {long2} subject=eve                              -> ERR policy rule=max_tokens_per_subject max=3
update {eve3} subject=else                              -> OK
create subject=eve description=again                    -> OK
update {bare} subject=ann@free                          -> OK
# -- import
import digest={digest} description=x                    -> ERR policy rule=max_ttl max=90d
import digest={digest} description=x ttl=9d             -> OK expires=~9d
import digest={digest} ttl=9d                           -> ERR policy rule=require missing=description
import digest={digest} description=x ttl=9d scopes=root -> ERR policy rule=scopes scope=root
import digest={digest} subject=eve description=x ttl=9d -> ERR policy rule=max_tokens_per_subject max=3
import digest={digest} subject=eve description=x expires={in:-1d} -> OK state=expired
import digest={digest} subject=eve scopes=root state=revoked -> OK state=revoked
import digest={digest} scopes=root state=disabled       -> ERR policy rule=require missing=description
import digest={digest} subject=ann@free scopes=root state=disabled -> OK state=disabled
# -- nothing else is refused
disable {crowd4}                                        -> OK
enable {crowd4}                                         -> OK state=active
revoke {crowd4}                                         -> OK state=revoked
update {crowd4} description=x                           -> NO revoked
"""
