// Package sdn: UpCloud's official Go client, of the version in go.mod, drives
// the SDN simulator through every call about networks, routers and peerings,
// every state and every error: what the client understands is the real format.
package sdn

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/client"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/service"
)

func TestAuthentication(t *testing.T) {
	s := start(t)
	_, err := s.as(client.WithBasicAuth(user, "wrong")).GetNetworkPeerings(s.context())
	refused(t, err, 401, upcloud.ErrCodeAuthenticationFailed)
	_, err = s.as(client.WithBearerAuth("ucat_wrong")).GetNetworkPeerings(s.context())
	refused(t, err, 401, upcloud.ErrCodeAuthenticationFailed)
	_, err = s.as(client.WithBearerAuth(token)).GetNetworkPeerings(s.context())
	fatal(t, err)

	t.Setenv(client.EnvDebugAPIBaseURL, s.url)
	t.Setenv(client.EnvToken, token)
	fromEnv, err := client.NewFromEnv()
	fatal(t, err)
	account, err := service.New(fromEnv).GetAccount(s.context())
	fatal(t, err)
	equal(t, "the account's limit", account.ResourceLimits.NetworkPeerings, 100)
	equal(t, "its name", account.UserName, "main")

	// another account sees nothing of this one, and may be its peer
	a, b := s.pair()
	s.peer(a, b)
	s.door("PUT", "accounts", []object{{"name": "main", "user": user, "password": password, "token": token}, {"name": "other", "token": "ucat_02OTHER"}})
	other := s.as(client.WithBearerAuth("ucat_02OTHER"))
	list, err := other.GetNetworkPeerings(s.context())
	fatal(t, err)
	equal(t, "peerings that another account sees", len(list), 0)
	_, err = other.CreateNetworkPeering(s.context(), peering(a, b))
	refused(t, err, 404, upcloud.ErrCodeNetworkNotFound)
}

func TestZones(t *testing.T) {
	s := start(t)
	zones, err := s.GetZones(s.context())
	fatal(t, err)
	i := slices.IndexFunc(zones.Zones, func(z upcloud.Zone) bool { return z.ID == "se-sto1" })
	if i < 0 || zones.Zones[i].Description != "Stockholm #1" || !zones.Zones[i].Public.Bool() {
		t.Errorf("zones: %v", zones.Zones)
	}
}

func TestRouters(t *testing.T) {
	s := start(t)
	labels := []upcloud.Label{{Key: "env", Value: "test"}}
	routes := []upcloud.StaticRoute{{Name: "r", Route: "10.99.0.0/24", Nexthop: "10.81.0.9"}}
	router, err := s.CreateRouter(s.context(), &request.CreateRouterRequest{Name: "first", Labels: labels, StaticRoutes: routes})
	fatal(t, err)
	s.router("second")
	equal(t, "name", router.Name, "first")
	equal(t, "label", router.Labels[0], labels[0])
	equal(t, "route", router.StaticRoutes[0].Nexthop, "10.81.0.9")

	all, err := s.GetRouters(s.context())
	fatal(t, err)
	equal(t, "routers", len(all.Routers), 2)
	labelled, err := s.GetRouters(s.context(), request.FilterLabel{Label: labels[0]})
	fatal(t, err)
	if len(labelled.Routers) != 1 || labelled.Routers[0].UUID != router.UUID {
		t.Errorf("by label: %v", labelled.Routers)
	}
	n := s.network("n", "10.81.0.0/24", router.UUID)
	details, err := s.GetRouterDetails(s.context(), &request.GetRouterDetailsRequest{UUID: router.UUID})
	fatal(t, err)
	if len(details.AttachedNetworks) != 1 || details.AttachedNetworks[0].NetworkUUID != n.UUID {
		t.Errorf("attached: %v", details.AttachedNetworks)
	}
	changed, err := s.ModifyRouter(s.context(), &request.ModifyRouterRequest{UUID: router.UUID, Name: "changed", Labels: &[]upcloud.Label{}, StaticRoutes: &[]upcloud.StaticRoute{}})
	fatal(t, err)
	if changed.Name != "changed" || len(changed.Labels) != 0 || len(changed.StaticRoutes) != 0 {
		t.Errorf("changed: %v", changed)
	}
	refused(t, s.DeleteRouter(s.context(), &request.DeleteRouterRequest{UUID: router.UUID}), 409, upcloud.ErrCodeRouterAttached)
	fatal(t, s.DetachNetworkRouter(s.context(), &request.DetachNetworkRouterRequest{NetworkUUID: n.UUID}))
	fatal(t, s.DeleteRouter(s.context(), &request.DeleteRouterRequest{UUID: router.UUID}))
	_, err = s.GetRouterDetails(s.context(), &request.GetRouterDetailsRequest{UUID: router.UUID})
	refused(t, err, 404, upcloud.ErrCodeRouterNotFound)
}

func TestNetworks(t *testing.T) {
	s := start(t)
	router := s.router("r")
	n, err := s.CreateNetwork(s.context(), &request.CreateNetworkRequest{Name: "svc", Zone: "fi-hel2", Router: router.UUID, Labels: []upcloud.Label{{Key: "service", Value: "pg"}},
		IPNetworks: upcloud.IPNetworkSlice{{Address: "10.81.0.0/24", Family: upcloud.IPAddressFamilyIPv4, DHCP: upcloud.True, DHCPDefaultRoute: upcloud.False, DHCPDns: []string{"10.81.0.2"}, Gateway: "10.81.0.1"}}})
	fatal(t, err)
	s.network("elsewhere", "10.82.0.0/24", "")
	seen, err := s.GetNetworkDetails(s.context(), &request.GetNetworkDetailsRequest{UUID: n.UUID})
	fatal(t, err)
	equal(t, "type", seen.Type, upcloud.NetworkTypePrivate)
	equal(t, "zone", seen.Zone, "fi-hel2")
	equal(t, "router", seen.Router, router.UUID)
	ip := seen.IPNetworks[0]
	if ip.Address != "10.81.0.0/24" || !ip.DHCP.Bool() || ip.DHCPDefaultRoute.Bool() || ip.DHCPDns[0] != "10.81.0.2" || ip.Gateway != "10.81.0.1" {
		t.Errorf("its range: %v", ip)
	}
	names := func(list *upcloud.Networks, err error) string {
		t.Helper()
		fatal(t, err)
		var found []string
		for _, one := range list.Networks {
			found = append(found, one.Name)
		}
		return strings.Join(found, " ")
	}
	equal(t, "all", names(s.GetNetworks(s.context())), "svc elsewhere")
	equal(t, "by label", names(s.GetNetworks(s.context(), request.FilterLabelKey{Key: "SERVICE"})), "svc")
	equal(t, "in a zone", names(s.GetNetworksInZone(s.context(), &request.GetNetworksInZoneRequest{Zone: "se-sto1"})), "elsewhere")
	changed, err := s.ModifyNetwork(s.context(), &request.ModifyNetworkRequest{UUID: n.UUID, Name: "renamed", Labels: &[]upcloud.Label{},
		IPNetworks: upcloud.IPNetworkSlice{{Address: "10.81.0.0/24", Family: upcloud.IPAddressFamilyIPv4}}})
	fatal(t, err)
	if changed.Name != "renamed" || len(changed.Labels) != 0 || changed.IPNetworks[0].DHCP.Bool() || changed.Router != router.UUID {
		t.Errorf("changed: %v", changed)
	}
	fatal(t, s.DetachNetworkRouter(s.context(), &request.DetachNetworkRouterRequest{NetworkUUID: n.UUID}))
	seen, _ = s.GetNetworkDetails(s.context(), &request.GetNetworkDetailsRequest{UUID: n.UUID})
	equal(t, "detached", seen.Router, "")
	fatal(t, s.AttachNetworkRouter(s.context(), &request.AttachNetworkRouterRequest{NetworkUUID: n.UUID, RouterUUID: router.UUID}))
	seen, _ = s.GetNetworkDetails(s.context(), &request.GetNetworkDetailsRequest{UUID: n.UUID})
	equal(t, "attached", seen.Router, router.UUID)

	server := "00000000-0000-4000-8000-000000000001"
	s.door("PUT", "state", object{"servers": []object{{"uuid": server, "networking": object{"interfaces": object{"interface": []object{{"index": 1, "type": "private", "network": n.UUID,
		"mac": "de:ad:be:ef:00:01", "ip_addresses": object{"ip_address": []object{{"address": "10.81.0.5", "family": "IPv4"}}}}}}}}}})
	networking, err := s.GetServerNetworks(s.context(), &request.GetServerNetworksRequest{ServerUUID: server})
	fatal(t, err)
	if len(networking.Interfaces) != 1 || networking.Interfaces[0].Network != n.UUID || networking.Interfaces[0].IPAddresses[0].Address != "10.81.0.5" {
		t.Errorf("a server's networks: %v", networking)
	}
	fatal(t, s.DeleteNetwork(s.context(), &request.DeleteNetworkRequest{UUID: n.UUID}))
	equal(t, "one is deleted", names(s.GetNetworks(s.context())), "elsewhere")
}

func TestPeerings(t *testing.T) {
	s := start(t)
	a, b := s.pair()
	label := upcloud.Label{Key: "cdc_pipeline_installation", Value: "a=b&c d"}
	wanted := peering(a, b)
	wanted.Labels = []upcloud.Label{label}
	wanted.ConfiguredStatus = upcloud.NetworkPeeringConfiguredStatusActive
	ab, err := s.CreateNetworkPeering(s.context(), wanted)
	fatal(t, err)
	equal(t, "name", ab.Name, "go")
	equal(t, "one direction", ab.State, upcloud.NetworkPeeringStatePendingPeer)
	equal(t, "its network", ab.Network.UUID, a)
	equal(t, "its range", ab.Network.IPNetworks[0], upcloud.NetworkPeeringIPNetwork{Address: "10.81.0.0/24", Family: upcloud.NetworkPeeringIPNetworkFamilyIPv4})
	equal(t, "its peer", ab.PeerNetwork.UUID, b)
	equal(t, "of which nothing else is shown", len(ab.PeerNetwork.IPNetworks), 0)
	ba := s.peer(b, a)
	equal(t, "both directions", s.see(ab.UUID).State, upcloud.NetworkPeeringStateActive)
	equal(t, "the other one", ba.State, upcloud.NetworkPeeringStateActive)
	equal(t, "now the peer's range is shown", s.see(ab.UUID).PeerNetwork.IPNetworks[0].Address, "10.82.0.0/24")

	found := func(filters ...request.QueryFilter) string {
		t.Helper()
		list, err := s.GetNetworkPeerings(s.context(), filters...)
		fatal(t, err)
		var uuids []string
		for _, p := range list {
			uuids = append(uuids, p.UUID)
		}
		return strings.Join(uuids, " ")
	}
	equal(t, "all", found(), ab.UUID+" "+ba.UUID)
	equal(t, "by key", found(request.FilterLabelKey{Key: label.Key}), ab.UUID)
	equal(t, "by label", found(request.FilterLabel{Label: upcloud.Label{Key: label.Key, Value: "other"}}), "")
	equal(t, "by two", found(request.FilterLabelKey{Key: label.Key}, request.FilterLabelKey{Key: "other"}), "")

	modify := func(change request.ModifyNetworkPeering) *upcloud.NetworkPeering {
		t.Helper()
		p, err := s.ModifyNetworkPeering(s.context(), &request.ModifyNetworkPeeringRequest{UUID: ab.UUID, NetworkPeering: change})
		fatal(t, err)
		return p
	}
	p := modify(request.ModifyNetworkPeering{Name: "renamed"})
	equal(t, "renamed", p.Name, "renamed")
	equal(t, "with its label", p.Labels[0], label)
	equal(t, "labels are replaced", modify(request.ModifyNetworkPeering{Labels: &[]upcloud.Label{{Key: "xy", Value: "z"}}}).Labels[0].Key, "xy")
	equal(t, "and cleared", len(modify(request.ModifyNetworkPeering{Labels: &[]upcloud.Label{}}).Labels), 0)

	// as both official tools delete one
	refused(t, s.DeleteNetworkPeering(s.context(), &request.DeleteNetworkPeeringRequest{UUID: ab.UUID}), 409, upcloud.ErrPeeringNotDisabled)
	s.status(ab.UUID, upcloud.NetworkPeeringConfiguredStatusDisabled)
	equal(t, "disabled", s.see(ab.UUID).State, upcloud.NetworkPeeringStateDisabled)
	fatal(t, s.DeleteNetworkPeering(s.context(), &request.DeleteNetworkPeeringRequest{UUID: ab.UUID}))
	equal(t, "the other side stays", found(), ba.UUID)
	equal(t, "and waits", s.see(ba.UUID).State, upcloud.NetworkPeeringStatePendingPeer)
}

// All ten, each by what makes it.
func TestStates(t *testing.T) {
	s := start(t)
	a, b := s.pair()
	ab, ba := s.peer(a, b).UUID, s.peer(b, a).UUID
	both := func(what string, wantedAB, wantedBA upcloud.NetworkPeeringState) {
		t.Helper()
		equal(t, what, s.see(ab).State, wantedAB)
		equal(t, what+", seen from the peer", s.see(ba).State, wantedBA)
	}
	both("both there", upcloud.NetworkPeeringStateActive, upcloud.NetworkPeeringStateActive)
	s.status(ab, upcloud.NetworkPeeringConfiguredStatusDisabled)
	both("one disabled", upcloud.NetworkPeeringStateDisabled, upcloud.NetworkPeeringStatePeerDisabled)
	s.status(ab, upcloud.NetworkPeeringConfiguredStatusActive)
	details, err := s.GetNetworkDetails(s.context(), &request.GetNetworkDetailsRequest{UUID: a})
	fatal(t, err)
	fatal(t, s.DetachNetworkRouter(s.context(), &request.DetachNetworkRouterRequest{NetworkUUID: a}))
	both("without a router", upcloud.NetworkPeeringStateMissingLocalRouter, upcloud.NetworkPeeringStateMissingPeerRouter)
	fatal(t, s.AttachNetworkRouter(s.context(), &request.AttachNetworkRouterRequest{NetworkUUID: a, RouterUUID: details.Router}))
	_, err = s.ModifyNetwork(s.context(), &request.ModifyNetworkRequest{UUID: a, IPNetworks: upcloud.IPNetworkSlice{{Address: "10.82.0.0/16", Family: "IPv4"}}})
	fatal(t, err)
	both("ranges that overlap", upcloud.NetworkPeeringStateConflictSubnet, upcloud.NetworkPeeringStateConflictSubnet)
	s.force(ab, "error")
	equal(t, "a failure of the backend", s.see(ab).State, upcloud.NetworkPeeringStateError)
	s.force(ab, nil)
	s.set("provision_ms", "600000")
	s.status(ab, upcloud.NetworkPeeringConfiguredStatusDisabled)
	equal(t, "just changed", s.see(ab).State, upcloud.NetworkPeeringStateProvisioning)
	s.set("provision_ms", "0")
	s.status(ab, upcloud.NetworkPeeringConfiguredStatusActive)
	fatal(t, s.DeleteNetwork(s.context(), &request.DeleteNetworkRequest{UUID: b}))
	equal(t, "the peer's network is gone", s.see(ab).State, upcloud.NetworkPeeringStateDeletedPeerNetwork)
}

// Every error of these calls, in both shapes that UpCloud has.
func TestErrors(t *testing.T) {
	for _, shape := range []string{"error", "problem"} {
		t.Run(shape, func(t *testing.T) {
			s := start(t, "problem", map[string]string{"error": "false", "problem": "true"}[shape])
			ctx := s.context()
			a, b := s.pair()
			bare := s.network("bare", "10.83.0.0/24", "").UUID
			far, err := s.CreateNetwork(ctx, &request.CreateNetworkRequest{Name: "far", Zone: "fi-hel1", Router: s.router("far").UUID, IPNetworks: upcloud.IPNetworkSlice{{Address: "10.84.0.0/24"}}})
			fatal(t, err)
			ab := s.peer(a, b).UUID
			create := func(change func(*request.CreateNetworkPeeringRequest)) func() error {
				return func() error {
					r := peering(b, a)
					change(r)
					_, err := s.CreateNetworkPeering(ctx, r)
					return err
				}
			}
			from := func(local, peer string) func() error {
				return create(func(r *request.CreateNetworkPeeringRequest) { r.Network.UUID, r.PeerNetwork.UUID = local, peer })
			}
			network := func(change func(*request.CreateNetworkRequest)) func() error {
				return func() error {
					r := &request.CreateNetworkRequest{Name: "n", Zone: "se-sto1", IPNetworks: upcloud.IPNetworkSlice{{Address: "10.85.0.0/24"}}}
					change(r)
					_, err := s.CreateNetwork(ctx, r)
					return err
				}
			}
			long := strings.Repeat("x", 300)
			for _, c := range []struct {
				what   string
				do     func() error
				status int
				code   string
				param  string
			}{
				{"an unknown network", from(nowhere, b), 404, upcloud.ErrCodeNetworkNotFound, "network"},
				{"an unknown peer", from(a, nowhere), 404, upcloud.ErrCodePeerNetworkNotFound, "peer_network"},
				{"no router", from(bare, b), 409, upcloud.ErrCodeLocalNetworkNoRouter, "network"},
				{"the same pair", from(a, b), 409, upcloud.ErrCodePeeringConflict, ""},
				{"with itself", from(a, a), 400, upcloud.ErrCodeUnknownAttribute, "peer_network"},
				{"no name", create(func(r *request.CreateNetworkPeeringRequest) { r.Name = "" }), 400, upcloud.ErrCodeNameInvalid, "name"},
				{"a long name", create(func(r *request.CreateNetworkPeeringRequest) { r.Name = long }), 400, upcloud.ErrCodeNameInvalid, "name"},
				{"a bad status", create(func(r *request.CreateNetworkPeeringRequest) { r.ConfiguredStatus = "on" }), 400, upcloud.ErrCodeValidationError, "configured_status"},
				{"a bad label", create(func(r *request.CreateNetworkPeeringRequest) { r.Labels = []upcloud.Label{{Key: "_x"}} }), 400, upcloud.ErrCodeInvalidLabelKey, "labels"},
				{"a long label", create(func(r *request.CreateNetworkPeeringRequest) { r.Labels = []upcloud.Label{{Key: "xy", Value: long}} }), 400, upcloud.ErrCodeInvalidLabelValue, "labels"},
				{"a label twice", create(func(r *request.CreateNetworkPeeringRequest) { r.Labels = []upcloud.Label{{Key: "xy"}, {Key: "XY"}} }), 400, upcloud.ErrCodeDuplicateLabelKeys, "labels"},
				{"another zone", func() error {
					s.set("same_zone_only", "true")
					defer s.set("same_zone_only", "false")
					return from(a, far.UUID)()
				}, 409, upcloud.ErrCodeZoneMismatch, "peer_network"},
				{"over the limit", func() error { s.set("max_peerings", "1"); defer s.set("max_peerings", "100"); return from(b, a)() }, 403, "NETWORK_PEERINGS_LIMIT_REACHED", ""},
				{"get", func() error {
					_, err := s.GetNetworkPeering(ctx, &request.GetNetworkPeeringRequest{UUID: nowhere})
					return err
				}, 404, upcloud.ErrCodePeeringNotFound, ""},
				{"modify", func() error {
					_, err := s.ModifyNetworkPeering(ctx, &request.ModifyNetworkPeeringRequest{UUID: nowhere})
					return err
				}, 404, upcloud.ErrCodePeeringNotFound, ""},
				{"delete", func() error { return s.DeleteNetworkPeering(ctx, &request.DeleteNetworkPeeringRequest{UUID: nowhere}) }, 404, upcloud.ErrCodePeeringNotFound, ""},
				{"delete an active one", func() error { return s.DeleteNetworkPeering(ctx, &request.DeleteNetworkPeeringRequest{UUID: ab}) }, 409, upcloud.ErrPeeringNotDisabled, ""},
				{"modify to nonsense", func() error {
					_, err := s.ModifyNetworkPeering(ctx, &request.ModifyNetworkPeeringRequest{UUID: ab, NetworkPeering: request.ModifyNetworkPeering{ConfiguredStatus: "on"}})
					return err
				}, 400, upcloud.ErrCodeValidationError, "configured_status"},
				{"a network's name", network(func(r *request.CreateNetworkRequest) { r.Name = "" }), 400, upcloud.ErrCodeNameInvalid, "name"},
				{"a network's range", network(func(r *request.CreateNetworkRequest) { r.IPNetworks[0].Address = "10.0.0.0/33" }), 400, upcloud.ErrCodeNetworkInvalid, "ip_networks"},
				{"a network's router", network(func(r *request.CreateNetworkRequest) { r.Router = nowhere }), 404, upcloud.ErrCodeRouterNotFound, "router"},
				{"attach", func() error {
					return s.AttachNetworkRouter(ctx, &request.AttachNetworkRouterRequest{NetworkUUID: a, RouterUUID: nowhere})
				}, 404, upcloud.ErrCodeRouterNotFound, "router"},
				{"detach", func() error {
					return s.DetachNetworkRouter(ctx, &request.DetachNetworkRouterRequest{NetworkUUID: nowhere})
				}, 404, upcloud.ErrCodeNetworkNotFound, ""},
				{"a network's details", func() error {
					_, err := s.GetNetworkDetails(ctx, &request.GetNetworkDetailsRequest{UUID: nowhere})
					return err
				}, 404, upcloud.ErrCodeNetworkNotFound, ""},
				{"a network's deletion", func() error { return s.DeleteNetwork(ctx, &request.DeleteNetworkRequest{UUID: nowhere}) }, 404, upcloud.ErrCodeNetworkNotFound, ""},
				{"a router's name", func() error { _, err := s.CreateRouter(ctx, &request.CreateRouterRequest{}); return err }, 400, upcloud.ErrCodeNameInvalid, "name"},
				{"a router's deletion", func() error { return s.DeleteRouter(ctx, &request.DeleteRouterRequest{UUID: nowhere}) }, 404, upcloud.ErrCodeRouterNotFound, ""},
				{"a server's networks", func() error {
					_, err := s.GetServerNetworks(ctx, &request.GetServerNetworksRequest{ServerUUID: nowhere})
					return err
				}, 404, upcloud.ErrCodeServerNotFound, ""},
				{"another call", func() error { _, err := s.GetServers(ctx); return err }, 404, upcloud.ErrCodeResourceNotFound, ""},
			} {
				t.Run(c.what, func(t *testing.T) {
					problem := refused(t, c.do(), c.status, c.code)
					if shape != "problem" {
						equal(t, "the type is the code", problem.Type, c.code)
						return
					}
					equal(t, "the type is a URL", problem.Type, "https://developers.upcloud.com/1.3/errors#ERROR_"+c.code)
					if c.param != "" && (len(problem.InvalidParams) != 1 || problem.InvalidParams[0].Name != c.param) {
						t.Errorf("what it is about: got %v, wanted %s", problem.InvalidParams, c.param)
					}
				})
			}
			list, err := s.GetNetworkPeerings(ctx)
			fatal(t, err)
			equal(t, "peerings after all that", len(list), 1)
		})
	}
}

// The client waits as Terraform and upctl do: every five seconds.
func TestWait(t *testing.T) {
	wait := func(s *sim, ctx context.Context, uuid string) error {
		p, err := s.WaitForNetworkPeeringState(ctx, &request.WaitForNetworkPeeringStateRequest{UUID: uuid, DesiredState: upcloud.NetworkPeeringStateActive})
		if err == nil {
			equal(s.t, "state", p.State, upcloud.NetworkPeeringStateActive)
		}
		return err
	}
	t.Run("becomes active", func(t *testing.T) {
		t.Parallel()
		s := start(t, "activate_ms", "3000")
		a, b := s.pair()
		ab := s.peer(a, b)
		equal(t, "the other direction", s.peer(b, a).State, upcloud.NetworkPeeringStateProvisioning)
		fatal(t, wait(s, s.context(), ab.UUID))
	})
	t.Run("an error of the server is waited out", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		a, b := s.pair()
		ab := s.peer(a, b)
		s.peer(b, a)
		s.fault(object{"method": "GET", "path": ab.UUID, "status": 503, "message": "SERVICE_UNAVAILABLE: later", "effect": false})
		fatal(t, wait(s, s.context(), ab.UUID))
		equal(t, "faults taken", s.door("DELETE", "faults", nil)["taken"], any(1.0))
	})
	t.Run("one of the caller is not", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		refused(t, wait(s, s.context(), nowhere), 404, upcloud.ErrCodePeeringNotFound)
	})
	t.Run("for ever, unless the caller ends it", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		a, b := s.pair()
		err := wait(s, within(t, 5500*time.Millisecond), s.peer(a, b).UUID)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFaults(t *testing.T) {
	s := start(t)
	a, b := s.pair()
	count := func() int {
		t.Helper()
		list, err := s.GetNetworkPeerings(s.context())
		fatal(t, err)
		return len(list)
	}
	create := func() error { _, err := s.CreateNetworkPeering(s.context(), peering(a, b)); return err }
	s.fault(object{"method": "POST", "status": 500, "message": "INTERNAL_ERROR: oops", "effect": false})
	refused(t, create(), 500, "INTERNAL_ERROR")
	s.fault(object{"method": "POST", "status": 429, "effect": false})
	refused(t, create(), 429, "TOO_MANY_REQUESTS")
	equal(t, "errors without effect", count(), 0)
	s.fault(object{"method": "POST", "drop": true})
	var problem *upcloud.Problem
	if err := create(); err == nil || errors.As(err, &problem) {
		t.Errorf("an answer that was lost: %v", err)
	}
	equal(t, "its effect is there", count(), 1)
	refused(t, create(), 409, upcloud.ErrCodePeeringConflict)
	s.fault(object{"method": "GET", "truncate": true, "count": 2})
	if _, err := s.GetNetworkPeerings(s.context()); err == nil || errors.As(err, &problem) {
		t.Errorf("half an answer: %v", err)
	}
	s.door("DELETE", "faults", nil)
	s.fault(object{"method": "GET", "delay_ms": 400})
	began := time.Now()
	equal(t, "after a slow answer", count(), 1)
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("a slow answer: %v", took)
	}
	s.fault(object{"method": "GET", "delay_ms": 60000})
	if _, err := s.GetNetworkPeerings(within(t, 3*time.Second)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one that hangs: %v", err)
	}
	equal(t, "the next one", count(), 1)
}
