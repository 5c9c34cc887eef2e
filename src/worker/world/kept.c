/*
 * kept.c
 *	  See kept.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "common/json.h"
#include "worker/world/kept.h"

void
cdc_keep(CdcPipeline *p)
{
	cdc_dirty_pipeline(p, CDC_ROW_SPEC);
}

void
cdc_keep_status(CdcPipeline *p, CdcStatus status, CdcStep step)
{
	if (p->kept.status == status && p->kept.step == step)
		return;
	p->kept.status = status;
	p->kept.step = step;
	cdc_keep(p);
}

void
cdc_keep_message(CdcPipeline *p, const char *message)
{
	if (cdc_same(message, p->kept.error_message))
		return;
	cdc_set_string(p->context, &p->kept.error_message, message);
	cdc_keep(p);
}

void
cdc_keep_names(CdcPipeline *p, bool connector, bool publication, bool slot)
{
	if ((connector && !p->kept.has_connector_name) || (publication && !p->kept.has_publication_name) ||
		(slot && !p->kept.has_slot_name))
		cdc_keep(p);
	p->kept.has_connector_name = p->kept.has_connector_name || connector;
	p->kept.has_publication_name = p->kept.has_publication_name || publication;
	p->kept.has_slot_name = p->kept.has_slot_name || slot;
}

void
cdc_keep_running(CdcPipeline *p, int64 snapshot_run)
{
	p->kept.was_running = true;
	p->kept.snapshot_run = snapshot_run;
	cdc_keep(p);
}

void
cdc_keep_snapshot_stored(CdcPipeline *p)
{
	p->kept.snapshot_run = 0;
	cdc_keep(p);
}

void
cdc_keep_discarding(CdcPipeline *p)
{
	p->kept.discarding = true;
	cdc_keep(p);
}

void
cdc_keep_discarded(CdcPipeline *p)
{
	p->kept.discarding = false;
	p->kept.was_running = false;
	p->kept.snapshot_run = 0;
	cdc_set_string(p->context, &p->kept.gap, NULL);
	cdc_keep(p);
}

void
cdc_keep_slot_absent(CdcPipeline *p)
{
	p->kept.slot_absent_before = true;
	cdc_keep(p);
}

void
cdc_keep_offsets_clean(CdcPipeline *p, bool clean)
{
	p->kept.offsets_clean = clean;
	cdc_keep(p);
}

void
cdc_keep_absent(CdcPipeline *p)
{
	p->kept.absent = true;
	cdc_keep(p);
}

void
cdc_keep_gap(CdcPipeline *p, const char *gap)
{
	cdc_set_string(p->context, &p->kept.gap, gap);
	cdc_keep(p);
}

void
cdc_keep_usurped(CdcPipeline *p)
{
	p->kept.usurped = true;
	cdc_keep(p);
}

void
cdc_keep_identities(CdcPipeline *p, const char *tables)
{
	struct json_object *all = tables && p->kept.identities ? cdc_json_parse(p->kept.identities) : NULL;
	struct json_object *more = tables ? cdc_json_parse(tables) : NULL;

	if (all && more)
	{
		json_object_object_foreach(more, oid, was)
			json_object_object_add(all, oid, json_object_get(was));
	}
	cdc_set_string(p->context, &p->kept.identities, all && more ? json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN) : tables);
	json_object_put(all);
	json_object_put(more);
	cdc_keep(p);
}

void
cdc_kept_identities(CdcPipeline *p, const char *row)
{
	cdc_set_string(p->context, &p->kept.identities, row);
}

void
cdc_keep_mutated(CdcPipeline *p)
{
	p->kept.mutated_at = GetCurrentTimestamp();
	cdc_keep(p);
}

void
cdc_keep_failure(CdcPipeline *p)
{
	if (p->kept.nfailures < (int) lengthof(p->kept.failures))
		p->kept.failures[p->kept.nfailures++] = GetCurrentTimestamp();
	cdc_keep(p);
}

void
cdc_keep_failures_since(CdcPipeline *p, TimestampTz since)
{
	int			keep = 0;
	int			i;

	for (i = 0; i < p->kept.nfailures; i++)
	{
		if (p->kept.failures[i] > since)
			p->kept.failures[keep++] = p->kept.failures[i];
	}
	if (keep != p->kept.nfailures)
		cdc_keep(p);
	p->kept.nfailures = keep;
}

void
cdc_keep_adopted(CdcPipeline *p)
{
	p->kept.adopted = p->wanted.adopt_asked;
	cdc_keep(p);
}
