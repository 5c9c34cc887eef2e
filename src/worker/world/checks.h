/*
 * checks.h
 *	  Every check that can have a finding, and what all findings of it say.
 *
 * A table: docs/operations.md has a row for each of its names.  Whether a check
 * holds is known where something is seen.
 */
#ifndef CDC_CHECKS_H
#define CDC_CHECKS_H

#include "worker/world/findings.h"

typedef enum CdcCheck
{
	CDC_CHECK_ADDRESS_REFUSED,
	CDC_CHECK_AGENT_SECRET_PATH,
	CDC_CHECK_AGENT_UNVERIFIED,
	CDC_CHECK_ARRAYS_NESTED,
	CDC_CHECK_CA_NOT_HANDED_OVER,
	CDC_CHECK_COLUMNS_LEFT_OUT,
	CDC_CHECK_COLUMNS_NOT_STREAMED,
	CDC_CHECK_CONNECT_CIDRS_WIDE,
	CDC_CHECK_CONNECT_NOT_SHARED,
	CDC_CHECK_CONNECTION_KEY_REFUSED,
	CDC_CHECK_CONNECTOR_LOGIN,
	CDC_CHECK_CONNECTOR_TIMEOUTS,
	CDC_CHECK_EVENT_TRIGGER,
	CDC_CHECK_HBA_UNREAD,
	CDC_CHECK_HISTORY_UNREAD,
	CDC_CHECK_INHERITED_ROWS,
	CDC_CHECK_KEYS_INEXACT,
	CDC_CHECK_LOGIN_WEAK,
	CDC_CHECK_MARK_UNVERIFIED,
	CDC_CHECK_METADATA_IS_SOURCE,
	CDC_CHECK_NETWORK_NOT_ASSIGNED,
	CDC_CHECK_NUMBERS_INEXACT,
	CDC_CHECK_OFFSETS_FLUSHED_LATE,
	CDC_CHECK_PEER_SAID,
	CDC_CHECK_PHANTOMS,
	CDC_CHECK_PLUGIN_LOGIN,
	CDC_CHECK_ROW_HELD,
	CDC_CHECK_ROWS_LEFT,
	CDC_CHECK_ROWS_MISSING,
	CDC_CHECK_SSLMODE_WEAK,
	CDC_CHECK_STANDBY_UNREADY,
	CDC_CHECK_TABLES_TO_COME,
	CDC_CHECK_TABLES_WITHOUT_KEY,
	CDC_CHECK_TOPIC_ANEW
} CdcCheck;

/*
 * A finding of this check: name, concern, severity, and what of required and why
 * does not depend on what was seen.  The caller adds the rest, and may replace what is there.
 */
extern CdcFinding cdc_check(CdcCheck check);

#endif							/* CDC_CHECKS_H */
