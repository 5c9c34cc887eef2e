package sdn

// The simulator of a test: its process, its doors, the world it begins with.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/client"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/service"
)

const (
	user     = "go-user"
	password = "go-password"
	token    = "ucat_01GO"

	nowhere = "03ffffff-0000-4000-8000-00000000ffff"
)

type sim struct {
	t                *testing.T
	url              string
	*service.Service // as the main account
}

type object = map[string]any

// start runs a simulator until the test ends; settings are NAME, VALUE, ...
// It is built with sanitizers: a bad end of it fails the test.
func start(t *testing.T, settings ...string) *sim {
	t.Helper()
	program := os.Getenv("SDN_SIM")
	if program == "" {
		t.Fatal("SDN_SIM does not name the simulator: make check KIND=go")
	}
	arguments := []string{"--port", "0", "--user", user, "--password", password, "--token", token, "--provision_ms", "0", "--activate_ms", "0"}
	for i := 0; i+1 < len(settings); i += 2 {
		arguments = append(arguments, "--"+settings[i], settings[i+1])
	}
	command := exec.Command(program, arguments...)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the simulator does not start: %v: %s", err, said.String())
	}
	s := &sim{t: t, url: "http://127.0.0.1:" + strings.TrimSpace(port)}
	s.Service = s.as(client.WithBasicAuth(user, password))
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("the simulator ended badly: %v: %s", err, said.String())
		}
	})
	return s
}

func (s *sim) as(how client.ConfigFn) *service.Service {
	return service.New(client.New("", "", how, client.WithBaseURL(s.url)))
}

// door does what the API cannot: faults, settings, states.
func (s *sim) door(method, path string, body any) object {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	asked, _ := http.NewRequest(method, s.url+"/_sim/"+path, bytes.NewReader(text))
	answer, err := http.DefaultClient.Do(asked)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ = io.ReadAll(answer.Body)
	if answer.StatusCode/100 != 2 {
		s.t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	var result object
	_ = json.Unmarshal(text, &result)
	return result
}

func (s *sim) fault(fault object)     { s.t.Helper(); s.door("POST", "faults", fault) }
func (s *sim) set(name, value string) { s.t.Helper(); s.door("PUT", "settings", object{name: value}) }
func (s *sim) force(uuid string, state any) {
	s.t.Helper()
	s.door("PUT", "peering", object{"uuid": uuid, "state": state})
}
func (s *sim) context() context.Context { return s.t.Context() }
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// network makes a private network, with a router unless router is "".
func (s *sim) network(name, cidr, router string) *upcloud.Network {
	s.t.Helper()
	n, err := s.CreateNetwork(s.context(), &request.CreateNetworkRequest{Name: name, Zone: "se-sto1", Router: router,
		IPNetworks: upcloud.IPNetworkSlice{{Address: cidr, Family: upcloud.IPAddressFamilyIPv4, DHCP: upcloud.True}}})
	fatal(s.t, err)
	return n
}

func (s *sim) router(name string) *upcloud.Router {
	s.t.Helper()
	r, err := s.CreateRouter(s.context(), &request.CreateRouterRequest{Name: name})
	fatal(s.t, err)
	return r
}

// pair makes two networks that can be joined.
func (s *sim) pair() (string, string) {
	s.t.Helper()
	router := s.router("pair").UUID
	return s.network("a", "10.81.0.0/24", router).UUID, s.network("b", "10.82.0.0/24", router).UUID
}

func (s *sim) peer(a, b string) *upcloud.NetworkPeering {
	s.t.Helper()
	p, err := s.CreateNetworkPeering(s.context(), peering(a, b))
	fatal(s.t, err)
	return p
}

func peering(a, b string) *request.CreateNetworkPeeringRequest {
	return &request.CreateNetworkPeeringRequest{Name: "go", Network: request.NetworkPeeringNetwork{UUID: a}, PeerNetwork: request.NetworkPeeringNetwork{UUID: b}}
}

func (s *sim) see(uuid string) *upcloud.NetworkPeering {
	s.t.Helper()
	p, err := s.GetNetworkPeering(s.context(), &request.GetNetworkPeeringRequest{UUID: uuid})
	fatal(s.t, err)
	return p
}

func (s *sim) status(uuid string, status upcloud.NetworkPeeringConfiguredStatus) {
	s.t.Helper()
	p, err := s.ModifyNetworkPeering(s.context(), &request.ModifyNetworkPeeringRequest{UUID: uuid, NetworkPeering: request.ModifyNetworkPeering{ConfiguredStatus: status}})
	fatal(s.t, err)
	equal(s.t, "configured status", p.ConfiguredStatus, status)
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s: got %v, wanted %v", what, got, wanted)
	}
}

// refused checks that the client understood an error.
func refused(t *testing.T, err error, status int, code string) *upcloud.Problem {
	t.Helper()
	var problem *upcloud.Problem
	if !errors.As(err, &problem) {
		t.Errorf("got %v, wanted %d %s", err, status, code)
		return &upcloud.Problem{}
	}
	if problem.Status != status || problem.ErrorCode() != code || problem.Title == "" {
		t.Errorf("got %d %s %q, wanted %d %s", problem.Status, problem.ErrorCode(), problem.Title, status, code)
	}
	return problem
}
