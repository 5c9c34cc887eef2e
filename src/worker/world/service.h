/*
 * service.h
 *	  What the worker holds in memory of a service, its nodes and databases, its
 *	  Connect and agents: a part of the world.
 *
 * Owns the structures alone: what is done with them is in the other files of this
 * folder.  All times are cdc_loop_now() milliseconds unless a name says otherwise.
 */
#ifndef CDC_SERVICE_H
#define CDC_SERVICE_H

#include "postgres.h"
#include "lib/ilist.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "reconciler/decide.h"
#include "remote/agent.h"
#include "remote/kafka_connect.h"
#include "remote/pg_hba.h"
#include "remote/provision.h"
#include "remote/source.h"
#include "worker/io/io.h"
#include "worker/world/asked.h"
#include "worker/world/dirty.h"
#include "worker/world/tend.h"
#include "worker/world/turn.h"

#define CDC_UUID_LEN 36
#define CDC_SHORT_LEN 8

typedef struct CdcService CdcService;
typedef struct CdcPipeline CdcPipeline;
typedef struct CdcWorld CdcWorld;
typedef struct CdcUsers CdcUsers;

/* What a primary's walsender said of its history, where the administrator may not read the file.  Writer: worker/observe. */
typedef struct CdcNodeHistory
{
	CdcPgConn  *conn;			/* while it is asked */
	int64		asked_at;		/* 0: never */
	uint64		system_identifier;	/* of which it was asked, */
	uint32		timeline;		/* and which was */
	bool		known;
	int			n;
	CdcTimelineSwitch *switches;	/* NULL: none */
} CdcNodeHistory;

/* One server of a PostgreSQL service.  Writer: worker/observe. */
typedef struct CdcNode
{
	CdcService *service;		/* Writer: worker/store */
	char	   *address;		/* Writer: worker/store */
	int			port;			/* Writer: worker/store */
	CdcPgConn  *admin;			/* to the admin database: probes, pg_hba */
	bool		probing;
	bool		look_wanted;	/* somebody changed something there: look. Writer: worker/world */
	bool		looked;			/* a look has ended: what it means for its standby is due. Writer: worker/world */
	bool		hba_busy;		/* a pg_hba operation is under way. Writer: worker/execute/hba.c */
	int64		probed_at;		/* start of the last probe that ended, 0 never. Writer: worker/world */
	bool		reachable;		/* by the last probe */
	char	   *error;			/* why not, NULL when reachable */
	bool		in_recovery;
	bool		is_superuser;
	uint64		system_identifier;	/* Writer: worker/world */
	uint32		timeline;		/* Writer: worker/world */
	int			version;
	char	   *hba_text;		/* NULL: may not be read. Writer: worker/world */
	CdcHbaOurs *hba_ours;		/* what of it is ours. Writer: worker/world */
	const char *hba_manager;	/* who writes that file anew at will, NULL: nobody. Writer: worker/world */
	bool		hba_cut;		/* that is its beginning alone */
	char	   *hba_error;
	char	   *hba_hash;		/* of our pipelines' lines in hba_text. Writer: worker/world */
	char	   *hba_loaded;		/* the hba_hash whose reload is known to be done. Writer: worker/world */
	MemoryContext obs_context;	/* holds conf */
	CdcNodeConf conf;			/* by the last probe that was answered */
	uint64		wal_lsn;		/* written, or replayed on a standby */
	int			free_slots;
	CdcNodeHistory history;		/* Writer: worker/observe */
	CdcPgConn  *pinger;			/* asks whether the primary is there; a long probe
								 * or pg_hba work must not stand in its way */
	bool		pinging;
	int64		pinged_at;		/* start of the last ping */
	List	   *databases;		/* CdcNodeDb. Writer: worker/execute/source.c */
	int64		hba_vanished_at;	/* when our lines were last seen to have vanished */
	int			hba_vanished;	/* how often within minutes */
	CdcDirty	dirty;			/* to be written to cdc.service_node. Writer: worker/world */
	TimestampTz last_seen;
} CdcNode;

/* A connection to a captured database on a standby, for its shadow slots. */
typedef struct CdcNodeDb
{
	char	   *database;
	CdcPgConn  *conn;
} CdcNodeDb;

/* One captured database of a PostgreSQL service, on its current primary.  Writer: worker/observe. */
typedef struct CdcSourceDb
{
	CdcService *service;		/* Writer: worker/world */
	char	   *database;		/* Writer: worker/world */
	CdcNode    *node;			/* the primary that conn is to. Writer: worker/world */
	CdcPgConn  *conn;			/* observations. Writer: worker/world */
	CdcPgConn  *ddl;			/* actions, so that a lock wait blocks no look. Writer: worker/world */
	bool		observing;
	int64		observing_since;
	int			look_ms;		/* how long the last observation took, for few pipelines */
	int			look_most;		/* so many may be in the next one, 0: not known yet */
	CdcAsked	asked[CDC_NUM_ASKS];	/* pipelines that are to be in the next one. Writer: worker/world */
	bool		asks;			/* is in world->asking. Writer: worker/world */
	dlist_node	asking_node;	/* Writer: worker/world */
	bool		watching;		/* a watch is under way */
	bool		reading;		/* a look at columns is under way */
	int			columns_ms;		/* how long the last one took */
	int			columns_most;	/* so many may be in the next one, 0: not known yet */
} CdcSourceDb;

/* What an agent keeps of our epoch, see agent_fence.h.  Writer: worker/world */
typedef struct CdcAgentFence
{
	bool		known;			/* it has said, and that can be judged */
	bool		unverified;		/* it cannot be verified: nothing is sent there */
	char	   *said;			/* that number as it says it, while so */
	bool		adopt;			/* a superuser has said that it is ours all the same */
	bool		adopted;		/* and so it is: to be written */
} CdcAgentFence;

/* The agent on one Connect host.  Writer: worker/observe. */
typedef struct CdcAgent
{
	char	   *url;			/* Writer: worker/store */
	char	   *token;			/* never logged. Writer: worker/store */
	bool		looking;
	int64		looking_since;
	int64		looked_at;		/* start of the last look that ended, 0 never */
	CdcTri		reachable;		/* by the last look */
	char	   *error;			/* why not, NULL when reachable */
	CdcAgentState *state;		/* the last good one, or NULL */
	CdcAgentFence fence;
	bool		adopting;		/* that is being told to it. Writer: worker/execute */
} CdcAgent;

/* One worker of a Connect.  Writer: worker/observe. */
typedef struct CdcConnectWorker
{
	char	   *plugin_versions;	/* "a, b", "" none, NULL no answer */
} CdcConnectWorker;

/* Of a PostgreSQL service.  Writer: worker/store. */
typedef struct CdcServicePostgres
{
	char	   *admin_user;
	char	   *admin_password;
	char	   *admin_database; /* where nodes are looked at, and pg_hba.conf is written */
	char	   *sslmode;
	bool		password_in_tls;	/* with verify-full it may ask for the password itself */
	char	   *client_cert;	/* PEM texts, NULL: none; the key is never logged */
	char	   *client_key;
	bool		manage_hba;
	bool		manage_role;
	bool		metadata_server;	/* a superuser's word: it may be the metadata's own */
	char	   *connector_user; /* with manage_role false: what connectors log in as, */
	char	   *connector_password; /* else NULL, both */
	int			nnodes;
	CdcNode    *nodes;
	CdcNode    *primary;		/* NULL: none known. Writer: worker/observe */
	uint64		system_identifier;	/* 0: not seen yet. Writer: worker/world */
	CdcNode    *other_primary;	/* claims to be one too, NULL: none does. Writer: worker/observe */
	bool		flowing;		/* its slots moved between the last two pings. Writer: worker/observe */
	bool		followed;		/* a ping has told where they are: standbys may follow. Writer: worker/world */
	int64		searched_at;	/* when its nodes were last asked for a primary. Writer: worker/observe */
	int64		lost_at;		/* since when there is no primary, 0: there is one. Writer: worker/observe */
	bool		release_due;	/* it may have a connection that nothing is left to do by.  Writer: worker/observe */
	List	   *databases;		/* CdcSourceDb. Writer: worker/world */
	List	   *ddl_waiting[2]; /* CdcOpRef: actions by SQL that wait for their batch; tried before. Writer: worker/execute/ddl.c */
	bool		ddl_again_next; /* one of those that were tried before is next. Writer: worker/execute/ddl.c */
	bool		ddl_busy;		/* a batch is under way. Writer: worker/execute/ddl.c */
	CdcTurn		hba_turn;		/* of who writes pg_hba.conf */
	CdcTurn		slot_turn;		/* of who makes its slot */
	int64		standbys_since; /* something new is there for them to follow, 0: not. Writer: worker/world */
} CdcServicePostgres;

/* Of a Kafka service and its Connect.  Writer: worker/store. */
typedef struct CdcServiceKafka
{
	bool		has_addon;
	char	   *addon_status;	/* NULL, "running", ... Writer: worker/world */
	int			nurls;
	char	  **connect_urls;	/* one a worker */
	CdcConnectWorker *workers;	/* in their order */
	int			url;			/* the one that is used now. Writer: worker/observe */
	List	   *claimed;		/* "ip port": where this Connect is the organization's. Writer: worker/world */
	bool		connect_shared; /* a superuser's word: others may be there too */
	bool		connect_foreign;	/* by the last list it is another organization's. Writer: worker/observe */
	char	   *connect_user;
	char	   *connect_password;
	int			ncidrs;
	char	  **cidrs;			/* where Connect comes from, as registered */
	bool		cidrs_from_urls;	/* nobody said so: the network's ranges are better */
	int			nranges;		/* Writer: worker/world */
	char	  **ranges;			/* of its network, as last seen. Writer: worker/world */
	char	   *ranges_error;	/* why the network gives none, NULL. Writer: worker/observe */
	int			nagents;
	CdcAgent   *agents;			/* number n is on the host of connect_urls[n] */
	char	   *secret_path;	/* the directory of secrets that they named first, NULL: none yet. Writer: worker/world */
	bool		secret_path_new;	/* to be written. Writer: worker/world */
	char	   *connect_ca_path;	/* a superuser's: where sources' CAs are on the Connect hosts; NULL */
	bool		plaintext_password;
	CdcTri		connect_reachable;	/* Writer: worker/observe */
	char	   *connect_error;	/* Writer: worker/observe */
	bool		listing;		/* Writer: worker/observe */
	int64		listing_since;	/* Writer: worker/observe */
	int64		listed_at;		/* start of the last list that ended. Writer: worker/observe */
	int			list_ms;		/* how long it took. Writer: worker/observe */
	int64		list_ended;		/* what is asked for from then on is younger than all that it says. Writer: worker/observe */
	CdcKcList  *list;			/* the last good one, or NULL. Writer: worker/observe */
	int64		pending_at;		/* when it was last asked what waits behind a slot. Writer: worker/observe */
	int			nstrangers;		/* Writer: worker/observe */
	const CdcKcConnector **strangers;	/* of the list: Debezium's that are of none of the sink's pipelines,
										 * by their topic.prefix. Writer: worker/observe */
	bool		list_wanted;	/* Writer: worker/observe */
	int			asked_alone;	/* connectors that are being asked for by themselves. Writer: worker/observe */
	CdcTri		plugin_present; /* Writer: worker/observe */
	char	   *plugin_missing; /* workers without it. Writer: worker/observe */
	int			plugin_asks;	/* answers outstanding. Writer: worker/observe */
	int64		plugin_at;		/* Writer: worker/observe */
	int64		plugin_since;	/* Writer: worker/observe */
	CdcTurn		plugin_turn;	/* of who asks for an installation */
	bool		tasks_late;		/* one that was to make its slot had not come for long, see slot_starts.h. Writer: worker/world */
	int64		plugin_changed_at;	/* when one was asked for, or had ended. Writer: worker/world */
	int			failed_before;	/* connectors FAILED when the first was asked for, -1. Writer: worker/world */
	bool		rolling;		/* workers are restarted one by one: look often. Writer: worker/world */
	int64		rolled_at;		/* the last such look. Writer: worker/observe */
	char	   *install_failed; /* job that failed last, and how many did. Writer: worker/learn */
	int64		install_failed_at;	/* Writer: worker/learn */
	int			install_failures;	/* Writer: worker/learn */
} CdcServiceKafka;

/* Of one that a provider makes.  Writer: worker/execute/provider.c */
typedef struct CdcServiceMade
{
	CdcProviderKind provider;	/* see cdc_provided().  Writer: worker/store */
	CdcOrder	order;			/* strings are the service's; passwords are never logged. Writer: worker/store */
	bool		ordered;		/* since the row was read */
	int64		provider_asking;	/* number of the request under way, 0: none */
	int			provider_failures;	/* to hear of it, in a row */
	char	   *host;			/* URL of the agent that is asked, NULL: not yet */
	CdcAgentFence host_fence;
	bool		host_told;		/* it was told to keep our epoch, and not looked at since */
	char	   *provided_connection;	/* how to reach it, JSON text as last heard; NULL */
	bool		taken_back;		/* deleting: nothing of it is needed any more. Writer: worker/world */
	bool		provider_gone;	/* deleting: there is nothing of it any more, see cdc_world_provider_gone(). Writer: worker/world */
	dlist_node	gone_node;		/* Writer: worker/world */
} CdcServiceMade;

struct CdcService
{
	/* what it is in the world.  Writer: worker/world */
	char		id[CDC_UUID_LEN + 1];
	MemoryContext context;		/* holds the service and all below it */
	CdcWorld   *world;
	dlist_node	node;			/* in world->services */
	CdcUsers   *users;			/* the pipelines that name it */
	CdcTended	tended[CDC_NUM_TENDS];	/* when it is seen to */
	CdcDirty	dirty[CDC_NUM_SERVICE_ROWS];	/* by CDC_ROW_SERVICE ...: to be written */

	/* its row.  Writer: worker/store */
	char	   *name;
	bool		is_postgresql;
	bool		is_kafka;
	char	   *zone;
	char	   *region;
	char		organization_id[CDC_UUID_LEN + 1];
	char	   *network_id;		/* NULL: none */
	bool		needs_network;	/* is counted among those that do, see pair.h. Writer: worker/world */
	bool		network_assigned;	/* it is the organization's: a superuser said so, or it was made */
	CdcTri		network_labelled;	/* ... or its label at the cloud says so, by the last look. Writer: worker/observe */
	char	   *status;			/* pending, running, ... Writer: worker/world */
	char	   *status_message; /* Writer: worker/world */
	bool		deleting;
	bool		any_address;	/* its addresses are the operator's, or a provider's */
	bool		before_rules;	/* registered before there were rules for addresses and logins */
	char	   *error;			/* why it did not load (secret, JSON); NULL */
	List	   *findings;		/* CdcFindingRow, see findings.h. Writer: worker/world */

	char	   *connection;		/* how it is reached, JSON text of its row; no secret in it */
	char	   *ca;
	bool		row_judged;		/* what its row says was. Writer: worker/observe */
	bool		network_asking; /* Writer: worker/observe */
	int64		network_at;		/* start of the last look at its network that ended, 0 never. Writer: worker/observe */
	char	   *network_error;	/* why that cannot be looked at, NULL. Writer: worker/observe */

	CdcServicePostgres pg;
	CdcServiceKafka kafka;
	CdcServiceMade made;
};

#endif							/* CDC_SERVICE_H */
