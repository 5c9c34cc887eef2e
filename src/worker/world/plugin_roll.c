/*
 * plugin_roll.c
 *	  See plugin_roll.h.
 */
#include "postgres.h"

#include "worker/world/facts.h"
#include "worker/world/plugin_roll.h"
#include "worker/world/tend.h"

void
cdc_plugin_changed(CdcService *sink)
{
	sink->kafka.plugin_changed_at = cdc_loop_now();
}

void
cdc_plugin_roll_begins(CdcService *sink)
{
	int			i;

	if (sink->kafka.failed_before >= 0)
		return;
	sink->kafka.failed_before = 0;
	for (i = 0; sink->kafka.list && i < sink->kafka.list->n; i++)
		sink->kafka.failed_before += cdc_connector_failed(&sink->kafka.list->items[i]);
}

void
cdc_plugin_roll_settled(CdcService *sink)
{
	sink->kafka.failed_before = -1;
}

void
cdc_plugin_rolling(CdcService *sink, bool rolling)
{
	sink->kafka.rolling = rolling;
	if (rolling)
		cdc_tend(sink, CDC_TEND_LOOKS);
}
