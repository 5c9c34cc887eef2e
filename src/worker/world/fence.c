/*
 * fence.c
 *	  See fence.h.
 */
#include "postgres.h"

#include "worker/world/facts.h"
#include "worker/world/fence.h"

static CdcMarkIs
judge(const CdcWorld *world, const char *object, CdcMarkSaid said, int also_ours, CdcEpoch *theirs)
{
	return cdc_mark_judge(world->fence.key, world->installation, object, said, &world->fence.ours, also_ours, theirs);
}

static char *
sign(const CdcWorld *world, const char *object)
{
	return world->fence.key && world->installation ?
		cdc_mark_sign(world->fence.key, world->installation, object, &world->fence.ours) : NULL;
}

/* By the cluster that was looked at: a database that was copied with its publication is another one. */
static char *
publication_object(const CdcPipeline *p)
{
	const char *parts[] = {psprintf(UINT64_FORMAT, p->look.server.system_identifier), p->wanted.database, p->object_name, p->id};

	return cdc_mark_object("publication", lengthof(parts), parts);
}

/* Addresses of a Connect are none of its identity: what it writes to is as much as there is. */
static char *
connector_object(const CdcPipeline *p)
{
	const char *parts[] = {p->connector_name, p->wanted.topic_prefix, p->id};

	return cdc_mark_object("connector", lengthof(parts), parts);
}

static char *
agent_object(const char *url)
{
	char	   *place = pstrdup(url);
	size_t		n = strlen(place);

	while (n > 0 && place[n - 1] == '/')
		place[--n] = '\0';
	return cdc_mark_object("agent", 1, (const char *const[]) {place});
}

/* What 0.1 made it did not sign; it is signed when it is written next. */
static int
unsigned_too(const CdcPipeline *p, bool known)
{
	return p->wanted.config_generation < 2 && known ? CDC_MARK_UNSIGNED : 0;
}

CdcMarkIs
cdc_fence_of_publication(const CdcPipeline *p, CdcEpoch *theirs)
{
	CdcMarkSaid said;

	if (!p->look.seen || !p->look.seen->pub_exists || !cdc_mark_read_comment(p->look.seen->pub_mark, p->id, &said))
		return CDC_MARK_NONE;
	if (said.epoch == NULL)
		return CDC_MARK_UNVERIFIABLE;
	return judge(p->world, publication_object(p), said, unsigned_too(p, p->kept.has_publication_name), theirs);
}

CdcMarkIs
cdc_fence_of_connector(const CdcPipeline *p, const CdcKcConnector *c, CdcEpoch *theirs)
{
	CdcMarkSaid said = {c->epoch, c->signature};

	if (said.epoch == NULL)
		return CDC_MARK_UNVERIFIABLE;
	return judge(p->world, connector_object(p), said, unsigned_too(p, p->kept.has_connector_name), theirs);
}

/* It keeps what whoever has its token tells it: a lower number is nobody's above us, however it came there. */
CdcMarkIs
cdc_fence_of_agent(const CdcWorld *world, const char *url, CdcMarkSaid said, CdcEpoch *theirs)
{
	return judge(world, agent_object(url), said, CDC_MARK_LOWER, theirs);
}

/* Of this very epoch, and not signed: 0.1 wrote it, and an update leaves the source alone. */
static bool
is_of_now(const CdcPipeline *p)
{
	CdcMarkSaid said;
	int64		number;

	return cdc_mark_read_comment(p->look.seen->pub_mark, p->id, &said) && said.word == NULL && said.epoch != NULL &&
		cdc_epoch_parse(said.epoch, &number) && cdc_epoch_reached(number, &p->world->fence.ours) &&
		!cdc_epoch_reached(number + 1, &p->world->fence.ours);
}

/* Does it say our very epoch?  What was found to be ours is then what we would write. */
static bool
says_ours(const CdcPipeline *p)
{
	const CdcEpoch *ours = &p->world->fence.ours;
	CdcMarkSaid said;
	int64		number;

	return cdc_mark_read_comment(p->look.seen->pub_mark, p->id, &said) && said.word != NULL && said.epoch != NULL &&
		cdc_epoch_parse(said.epoch, &number) && number == ours->number && strncmp(said.word, ours->tie, strlen(ours->tie)) == 0;
}

bool
cdc_fence_publication_is_old(const CdcPipeline *p)
{
	char	   *wanted;

	if (says_ours(p) || is_of_now(p))
		return false;
	wanted = cdc_fence_comment(p);
	return wanted && !cdc_mark_said_before(p->look.seen->pub_mark, wanted);
}

char *
cdc_fence_comment(const CdcPipeline *p)
{
	char	   *word = sign(p->world, publication_object(p));

	return word ? cdc_mark_comment(p->id, &p->world->fence.ours, word, p->wanted.name) : NULL;
}

char *
cdc_fence_connector_word(const CdcPipeline *p)
{
	return sign(p->world, connector_object(p));
}

char *
cdc_fence_agent_word(const CdcWorld *world, const char *url)
{
	return sign(world, agent_object(url));
}

bool
cdc_fence_adopting(const CdcPipeline *p)
{
	return p->wanted.adopt_asked > p->kept.adopted;
}

bool
cdc_fence_adopted(const CdcPipeline *p)
{
	const CdcKcConnector *c;
	CdcEpoch	theirs;

	if (!cdc_source_known(p) || !cdc_connect_known(p) || cdc_connector_is_coming(p))
		return false;
	c = cdc_kc_find(p->sink->kafka.list, p->connector_name);
	return (!p->look.seen->pub_exists || cdc_fence_of_publication(p, &theirs) == CDC_MARK_OURS) &&
		(c == NULL || (cdc_connector_of(p) && cdc_fence_of_connector(p, c, &theirs) == CDC_MARK_OURS));
}

/* What an action changes. */
typedef enum Changes
{
	NOTHING_MARKED,
	PUBLICATION,
	CONNECTOR
} Changes;

static Changes
changes(CdcAction action)
{
	switch (action)
	{
		case CDC_ACT_CREATE_PUBLICATION:
		case CDC_ACT_ALTER_PUBLICATION:
		case CDC_ACT_DROP_PUBLICATION:
		case CDC_ACT_SET_IDENTITY:
			return PUBLICATION;
		case CDC_ACT_PUT_CONNECTOR:
		case CDC_ACT_POST_STOPPED:
		case CDC_ACT_PREPARE_CONNECTOR:
		case CDC_ACT_BEGIN_DISCARD:
		case CDC_ACT_END_DISCARD:
		case CDC_ACT_RESUME_CONNECTOR:
		case CDC_ACT_RESTART_CONNECTOR:
		case CDC_ACT_STOP_CONNECTOR:
		case CDC_ACT_PATCH_OFFSETS:
		case CDC_ACT_DELETE_OFFSETS:
		case CDC_ACT_DELETE_CONNECTOR:
			return CONNECTOR;
		default:
			return NOTHING_MARKED;
	}
}

const char *
cdc_fence_refuses(const CdcPipeline *p, CdcAction action, CdcEpoch *theirs)
{
	Changes		what = changes(action);
	const CdcKcConnector *c = what == CONNECTOR ? cdc_connector_of(p) : NULL;
	CdcMarkIs	is;

	memset(theirs, 0, sizeof(*theirs));
	is = what == PUBLICATION ? cdc_fence_of_publication(p, theirs) : c ? cdc_fence_of_connector(p, c, theirs) : CDC_MARK_NONE;
	if (is == CDC_MARK_HIGHER)
		return "a control plane with a higher epoch acts on it";
	if (what != NOTHING_MARKED && p->world->fence.key == NULL)
		return p->world->fence.key_error ? p->world->fence.key_error : "there is no key to verify marks with";
	if (is == CDC_MARK_UNVERIFIABLE && !cdc_fence_adopting(p))
		return "the mark on it cannot be verified";
	return NULL;
}
