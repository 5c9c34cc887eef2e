/* link: src/worker/world/due.c src/worker/world/turn.c src/worker/world/plan.c src/common/ring.c */
/* flags: -I/usr/include/postgresql */
/*
 * turn_test.c
 *	  Turns: one at a time, in the order in which they were asked for, and nobody
 *	  waits for ever, whoever is slow, robs another, leaves, or needs it no more.
 *	  Here nobody is visited but by being woken, by his own look that ends, and by
 *	  his own work that does.
 */
#include "backend.h"

#include "worker/world/organization.h"
#include "worker/world/plan.h"

#define N 12

/* What a pipeline of this test is doing. */
typedef struct Player
{
	CdcPipeline p;
	int			wants;			/* so many turns yet */
	int64		looks_until;	/* 0: all is known */
	int64		works_until;	/* 0: it does nothing */
	bool		other_work;		/* which needs no turn */
	bool		looked;			/* since it was readied last */
	int			got;
} Player;

static CdcWorld world;
static CdcOrganization organization;
static CdcUsers source;
static CdcOp op;
static CdcTurn turn;
static Player players[N];
static int	taken[1000];		/* by whom, one after the other */
static int	ntaken;
static bool sound;

/* how often in a hundred */
static int	slow;				/* a look takes longer than a call lasts */
static int	robs;				/* a holder is not waited for */
static int	leaves;				/* it is forgotten, and comes anew */
static int	busy;				/* something else is begun for it */
static int	content;			/* it needs it no more */

static bool
chance(int percent)
{
	return random() % 100 < percent;
}

static void
enter(Player *player)
{
	memset(&player->p, 0, sizeof(player->p));
	player->p.world = &world;
	player->p.of_source = &source;
	cdc_plan_add(&player->p);
	cdc_turns_add(&player->p);
	player->looks_until = player->works_until = 0;
	player->looked = player->other_work = false;
	cdc_world_ready(&player->p);
}

static void
begin(Player *player, bool other_work)
{
	player->p.doing.op = &op;
	player->other_work = other_work;
	player->works_until = now_ms + 1 + random() % 300;
	cdc_plan_doing_changed(&player->p);
}

static void
visit(Player *player)
{
	CdcPipeline *p = &player->p;

	if (p->doing.op)
	{
		cdc_turns_visited(p, true);
		return;
	}
	if (player->looks_until)
		return;
	if (!player->looked && player->wants > 0 && slow > 0)
	{
		player->looks_until = now_ms + 1 + (chance(slow) ? 2 * CDC_TURN_CALL_MS : 0) + random() % 40;
		cdc_turns_visited(p, false);
		return;
	}
	player->looked = false;
	if (player->wants > 0 && chance(content))
		player->wants = 0;
	else if (chance(busy))
		begin(player, true);
	else if (player->wants > 0)
	{
		bool		mine = true;

		if (chance(robs) && turn.holder)
			cdc_turn_seize(&turn, p);
		else
			mine = cdc_turn_take(&turn, p);
		sound = sound && mine == (turn.holder == p);
		if (mine)
		{
			taken[ntaken++ % lengthof(taken)] = (int) (player - players);
			player->wants--;
			player->got++;
			begin(player, false);
		}
	}
	cdc_turns_visited(p, true);
}

/* What the loop does until nothing is to be done before time passes. */
static void
step(void)
{
	CdcPipeline *p;
	int			i;

	for (i = 0; i < N; i++)
	{
		Player	   *player = &players[i];

		if (player->looks_until && player->looks_until <= now_ms)
		{
			player->looks_until = 0;
			player->looked = true;
			cdc_world_ready(&player->p);
		}
		if (player->works_until && player->works_until <= now_ms)
		{
			player->works_until = 0;
			player->p.doing.op = NULL;
			cdc_plan_doing_changed(&player->p);
			if (!player->other_work)
				cdc_turn_give(&turn, &player->p);
			cdc_world_ready(&player->p);
		}
		if (chance(leaves))
		{
			player->p.doing.op = NULL;
			cdc_turns_leave(&player->p);
			cdc_plan_leave(&player->p);
			enter(player);
		}
	}
	cdc_turns_due(&world, now_ms);
	while ((p = cdc_plan_next_due(&world, now_ms)) != NULL)
		cdc_world_ready(p);
	while ((p = cdc_plan_next_ready(&world)) != NULL)
		visit((Player *) p);
	/* a turn that is free is on its way to whoever waits for it */
	sound = sound && (turn.holder || turn.called || dlist_is_empty(&turn.waiting));
	sound = sound && (turn.called == NULL || cdc_turns_next(&world) > now_ms);
}

/* The next time at which anything happens, 0: nothing will. */
static int64
next(void)
{
	int64		at = 0;
	int			i;
	int			j;

	for (i = 0; i < N; i++)
	{
		const int64 times[] = {players[i].looks_until, players[i].works_until};

		for (j = 0; j < 2; j++)
		{
			if (times[j] && (at == 0 || times[j] < at))
				at = times[j];
		}
	}
	if (cdc_turns_next(&world) && (at == 0 || cdc_turns_next(&world) < at))
		at = cdc_turns_next(&world);
	return at;
}

/* All want it so often; true: all are content in the end. */
static bool
play(int wants)
{
	int			steps;
	int			i;
	int64		at = now_ms;
	bool		all = true;
	int			left = leaves;

	cdc_turn_create(&turn, &world, CDC_HBA_TURN);
	ntaken = 0;
	for (i = 0; i < N; i++)
	{
		players[i].wants = wants;
		players[i].got = 0;
		enter(&players[i]);
	}
	for (steps = 0; at != 0 && steps < 20000; steps++)
	{
		if (steps == 2000)
			leaves = 0;
		now_ms = Max(at, now_ms);
		step();
		at = next();
	}
	leaves = left;
	for (i = 0; i < N; i++)
	{
		all = all && players[i].wants == 0;
		cdc_turns_leave(&players[i].p);
		cdc_plan_leave(&players[i].p);
	}
	return all && at == 0;
}

int
main(void)
{
	bool		in_order = true;
	bool		all = true;
	CdcTurn		other;
	int			i;

	cdc_plan_create(&world);
	cdc_turns_create(&world);
	cdc_ring_init(&organization.ring, &world.ready);
	cdc_ring_init(&source.ring, &organization.ring);
	sound = true;

	srandom(1);
	all = play(20);
	for (i = 0; i < ntaken; i++)
		in_order = in_order && taken[i] == i % N;
	ok(all && ntaken == 20 * N && in_order, "all who are prompt have it in turn, in their order");

	for (i = 0, all = true; i < 500; i++)
	{
		srandom(i);
		slow = i & 1 ? 30 : 0;
		robs = i & 2 ? 10 : 0;
		leaves = i & 4 ? 2 : 0;
		busy = i & 8 ? 10 : 0;
		content = i & 16 ? 10 : 0;
		if (!play(5))
			all = false;
	}
	ok(all, "500 games with the slow, robbers, leavers, the busy and the content: nobody waits for ever");
	ok(sound, "and whenever it is free and waited for somebody is called, for a while");
	slow = 100;
	robs = leaves = busy = content = 0;
	srandom(1);
	ok(play(5), "nor where every look takes longer than a call");

	/* the turn goes, with holder, queue and who is called */
	slow = 0;
	cdc_turn_create(&turn, &world, CDC_HBA_TURN);
	for (i = 0; i < N; i++)
	{
		enter(&players[i]);
		cdc_turn_take(&turn, &players[i].p);
	}
	cdc_turn_give(&turn, &players[0].p);
	cdc_turn_seize(&turn, &players[5].p);
	cdc_turn_close(&turn);
	for (i = 0, all = true; i < N; i++)
		all = all && players[i].p.turns[CDC_HBA_TURN].turn == NULL;
	ok(all && cdc_turns_next(&world) == 0, "what it was for is gone: nobody is in it any more");

	/* two of a kind: peerings of two networks, of which a pipeline waits for one */
	cdc_turn_create(&turn, &world, CDC_PAIR_TURN);
	cdc_turn_create(&other, &world, CDC_PAIR_TURN);
	for (i = 0; i < 4; i++)
		enter(&players[i]);
	for (i = 0; i < 3; i++)
		cdc_turn_take(&turn, &players[i].p);
	cdc_turn_take(&other, &players[3].p);
	cdc_turn_give(&turn, &players[0].p);
	cdc_turn_take(&other, &players[1].p);
	ok(turn.called == &players[2].p && players[1].p.turns[CDC_PAIR_TURN].turn == &other, "who asks for another one of the kind passes on what he was called to");
	cdc_turn_give_kind(&players[3].p, CDC_PAIR_TURN);
	ok(other.called == &players[1].p && other.holder == NULL, "and is called to that");
	return done_testing();
}
