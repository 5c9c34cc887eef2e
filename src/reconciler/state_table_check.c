/*
 * state_table_check.c
 *	  Names of what the table is made of, and whether the table is well formed.
 *
 * Must not know any single rule.
 */
#include <stddef.h>
#include <string.h>

#include "reconciler/detail.h"
#include "reconciler/state_table.h"

static const char *const status_names[CDC_NUM_STATUSES] = {
	[CDC_PENDING] = "Pending",
	[CDC_PROVISIONING] = "Provisioning",
	[CDC_RUNNING] = "Running",
	[CDC_PAUSED] = "Paused",
	[CDC_FAILED] = "Failed",
	[CDC_DELETING] = "Deleting",
	[CDC_DELETED] = "Deleted",
};

#define NUM_STEPS (CDC_STEP_CREATE_CONNECTOR + 1)

static const char *const step_names[NUM_STEPS] = {
	[CDC_STEP_NONE] = NULL,
	[CDC_STEP_ENSURE_NETWORK] = "ensure_network",
	[CDC_STEP_INSTALL_PLUGIN] = "install_plugin",
	[CDC_STEP_PREPARE_SOURCE] = "prepare_source",
	[CDC_STEP_CREATE_PUBLICATION] = "create_publication",
	[CDC_STEP_CREATE_CONNECTOR] = "create_connector",
};

static const char *const action_names[CDC_NUM_ACTIONS] = {
#define X(id, name, descr) name,
	CDC_ACTION_LIST(X)
#undef X
};

static const char *const action_descriptions[CDC_NUM_ACTIONS] = {
#define X(id, name, descr) descr,
	CDC_ACTION_LIST(X)
#undef X
};

#define NUM_RETRIES (CDC_RETRY_NEVER + 1)

static const char *const retry_names[NUM_RETRIES] = {
	[CDC_RETRY_NOW] = "now",
	[CDC_RETRY_FAST] = "fast",
	[CDC_RETRY_TURN] = "in turn",
	[CDC_RETRY_BACKOFF] = "backoff",
	[CDC_RETRY_ROUND] = "round",
	[CDC_RETRY_SLOW] = "slow",
	[CDC_RETRY_NEVER] = "never",
};

/* The order of truth. */
static const char *const sections[] = {
	"deleting", "gate", "network", "plugin", "source", "failover",
	"publication", "connector", "running"
};

#define NUM_SECTIONS ((int) (sizeof(sections) / sizeof(sections[0])))
#define ALL_STATUSES ((1U << CDC_NUM_STATUSES) - 1)

const char *
cdc_status_name(CdcStatus status)
{
	return (unsigned) status < CDC_NUM_STATUSES ? status_names[status] : "unknown";
}

const char *
cdc_step_name(CdcStep step)
{
	return (unsigned) step < NUM_STEPS ? step_names[step] : "unknown";
}

const char *
cdc_action_name(CdcAction action)
{
	return (unsigned) action < CDC_NUM_ACTIONS ? action_names[action] : "unknown";
}

const char *
cdc_action_description(CdcAction action)
{
	return (unsigned) action < CDC_NUM_ACTIONS ? action_descriptions[action] : "unknown";
}

const char *
cdc_retry_name(CdcRetry retry)
{
	return (unsigned) retry < NUM_RETRIES ? retry_names[retry] : "unknown";
}

static int
section_number(const char *section)
{
	int			i;

	for (i = 0; i < NUM_SECTIONS; i++)
	{
		if (strcmp(sections[i], section) == 0)
			return i;
	}
	return -1;
}

/* Is every {name} in the message one of the details? */
static bool
message_is_good(const char *message)
{
	const char *open;

	while ((open = strchr(message, '{')) != NULL)
	{
		const char *close = strchr(open, '}');
		size_t		len;
		int			i;

		if (close == NULL)
			return false;
		len = (size_t) (close - open - 1);
		for (i = 0; i < CDC_NUM_DETAILS; i++)
		{
			const char *name = cdc_detail_name((CdcDetail) i);

			if (strlen(name) == len && memcmp(name, open + 1, len) == 0)
				break;
		}
		if (i == CDC_NUM_DETAILS)
			return false;
		message = close + 1;
	}
	return true;
}

/* What is wrong with one rule by itself, NULL if nothing. */
static const char *
rule_fault(const CdcRule *rule)
{
	int			to = rule->status_to;
	bool		ends = to == CDC_DELETED || (to == CDC_STAY && rule->statuses == 1U << CDC_DELETED);

	if (rule->statuses == 0 || (rule->statuses & ~ALL_STATUSES) != 0)
		return "a rule has no status, or one that does not exist";
	if (rule->guard == NULL || rule->guard_name == NULL)
		return "a rule has no guard";
	if (rule->comment == NULL)
		return "a rule has no comment";
	if (to != CDC_STAY && (to < 0 || to >= CDC_NUM_STATUSES))
		return "a rule leads to a status that does not exist";
	if ((unsigned) rule->step >= NUM_STEPS || (unsigned) rule->action >= CDC_NUM_ACTIONS ||
		(unsigned) rule->retry >= NUM_RETRIES)
		return "a rule has a step, action or retry class that does not exist";
	if ((to == CDC_PROVISIONING) && rule->step == CDC_STEP_NONE)
		return "a rule leads to Provisioning without a step";
	if (rule->action == CDC_ACT_NONE && rule->retry == CDC_RETRY_NOW)
		return "a rule does nothing and is to be judged again at once";
	if (rule->looking && (rule->action != CDC_ACT_NONE || to != CDC_STAY || rule->message == NULL))
		return "a rule that waits for an observation acts, moves or says nothing";
	if (ends != (rule->retry == CDC_RETRY_NEVER))
		return "Deleted, and it alone, is not looked at again";
	if ((rule->action == CDC_ACT_SOFT_DELETE) != (to == CDC_DELETED))
		return "Deleted, and it alone, is a soft delete";
	if (to == CDC_FAILED && rule->message == NULL)
		return "a rule fails a pipeline without saying why";
	if (rule->message != NULL && !message_is_good(rule->message))
		return "a message names a detail that does not exist";
	return NULL;
}

bool
cdc_state_table_check_rules(const CdcRule *rules, const char **fault)
{
	const CdcRule *rule;
	const CdcRule *last = NULL;
	unsigned	entered = 0;
	unsigned	left = 0;
	bool		used[CDC_NUM_ACTIONS] = {false};
	CdcSnapshot nothing;
	int			i;

	memset(&nothing, 0, sizeof(nothing));
	for (rule = rules; rule->id != 0; rule++)
	{
		*fault = rule_fault(rule);
		if (*fault != NULL)
			return false;
		if (rule->section == NULL || section_number(rule->section) < 0)
		{
			*fault = "a rule is in a section that does not exist";
			return false;
		}
		if (rule->id < 0 || (last != NULL && rule->id <= last->id))
		{
			*fault = "the ids of the rules do not ascend";
			return false;
		}
		if (last != NULL && section_number(rule->section) < section_number(last->section))
		{
			*fault = "the sections do not come in order";
			return false;
		}
		used[rule->action] = true;
		if (rule->status_to != CDC_STAY)
		{
			unsigned	to = 1U << rule->status_to;

			if ((rule->statuses & ~to) != 0)
			{
				entered |= to;
				left |= rule->statuses & ~to;
			}
		}
		last = rule;
	}

	*fault = NULL;
	if (last == NULL || last->statuses != ALL_STATUSES || last->action != CDC_ACT_NONE ||
		!last->guard(&nothing))
		*fault = "the last rule does not take everything";
	else if (entered != ALL_STATUSES)
		*fault = "a status is never entered";
	else if ((left | 1U << CDC_DELETED) != ALL_STATUSES)
		*fault = "a status is never left";
	for (i = 0; *fault == NULL && i < CDC_NUM_ACTIONS; i++)
	{
		if (!used[i])
			*fault = "an action is never taken";
	}
	return *fault == NULL;
}

bool
cdc_state_table_check(const char **fault)
{
	return cdc_state_table_check_rules(cdc_state_table, fault);
}
