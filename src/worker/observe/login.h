/*
 * login.h
 *	  What a connector's login at its source is worth: findings.
 */
#ifndef CDC_LOGIN_FINDINGS_H
#define CDC_LOGIN_FINDINGS_H

#include "worker/world/world.h"

/* Of a Kafka service, by the versions of the plugin; whenever its workers were asked. */
extern void cdc_login_check_plugin(CdcService *sink);

#endif							/* CDC_LOGIN_FINDINGS_H */
