/*
 * throttle.h
 *	  Counts failed logins by address and by role: whoever failed 5 times in
 *	  60 s waits a second for each further failing answer.
 *
 * A right password is neither refused nor delayed: nothing here is asked
 * before the password was judged, but for the order in which logins are tried.
 * Bounded memory: what was counted longest ago is forgotten first.
 */
#ifndef CDC_GATEWAY_THROTTLE_H
#define CDC_GATEWAY_THROTTLE_H

#include "common/base.h"
#include <sys/socket.h>

/*
 * Counts one failed login; role may be NULL.  Returns how long the answer
 * waits, in microseconds: 0 for the first five.
 */
extern uint64 throttle_failed(const struct sockaddr *address, const char *role);

/*
 * Would a failing answer wait, and has this address itself failed?  Then its
 * login comes after others'.
 */
extern bool throttle_is_hot(const struct sockaddr *address, const char *role);

#endif							/* CDC_GATEWAY_THROTTLE_H */
