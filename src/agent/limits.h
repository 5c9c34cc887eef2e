/*
 * limits.h
 *	  What one service may take of its host: memory, processors, processes.
 *
 * The setting "limits" has an object a plan, and "default": {"memory_mb",
 * "cpu_percent", "processes"}.  They are the kernel's to keep: by cgroups, of
 * version 2 or 1, and the number of processes by the user's own limit as well.
 * Where there are no cgroups, memory and processors are not limited, and that is
 * said.  Knows nothing of what a service is.
 */
#ifndef CDC_AGENT_LIMITS_H
#define CDC_AGENT_LIMITS_H

#include "agent/config.h"

typedef struct AgentPlan
{
	int64		memory;			/* bytes */
	int			cpu_percent;	/* of one processor; 0: not limited, an equal share */
	int			processes;
} AgentPlan;

/* What is wrong with the setting, palloc'd, or NULL. */
extern char *agent_limits_fault(const AgentConfig *config);

/* The limits of a plan; NULL, or one that is not set: the default's. */
extern AgentPlan agent_limits_of(const AgentConfig *config, const char *plan);

/*
 * Makes cgroups of this name, a service's, or sets them anew.  cgroups gets their
 * directories, with colons between them, "" when there are none; words what the
 * service is held to, in a sentence.  It never fails: what is not there is said.
 */
extern void agent_limits_set(const AgentConfig *config, const char *name, const AgentPlan *plan, char *cgroups, size_t size, char *words, size_t words_size);

/* Removes them; false while there are processes in one. */
extern bool agent_limits_remove(const char *cgroups);

#endif							/* CDC_AGENT_LIMITS_H */
