/*
 * settings.h
 *	  The settings cdc_pipeline.*, one list, sorted by name.
 *
 * Times are in milliseconds.  All SIGHUP and superuser-only but where
 * settings.c says otherwise.
 */
#ifndef CDC_SETTINGS_H
#define CDC_SETTINGS_H

extern int	cdc_connect_timeout;	/* ms */
extern char *cdc_database_name; /* postmaster */
extern char *cdc_debezium_plugin_sha512;
extern char *cdc_debezium_plugin_url;
extern char *cdc_debezium_plugin_version;
extern bool cdc_enabled;
extern int	cdc_event_retention;	/* minutes */
extern int	cdc_health_interval;	/* ms */
extern int	cdc_max_slot_wal;	/* MB, 0: no bound */
extern char *cdc_member_networks;
extern char *cdc_provision_token_file;
extern char *cdc_provision_url;
extern int	cdc_request_timeout;	/* ms */
extern char *cdc_sdn_credentials_file;
extern int	cdc_sdn_stuck_after;	/* ms */
extern char *cdc_sdn_url;
extern int	cdc_settle_after;	/* ms, for tests */
extern int	cdc_source_dead_after;	/* ms */

/* Defines them all; called from _PG_init. */
extern void cdc_settings_init(void);

#endif							/* CDC_SETTINGS_H */
