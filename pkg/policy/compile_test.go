package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// compileRow is a configuration and all that Compile says of it.
type compileRow struct {
	name   string
	config spec.Config
	// waivers make the configuration one without faults, all of them together.
	waivers []spec.Danger
	opts    []policy.Option
	// faults and warnings are as said gives them.
	faults, warnings []string
}

// said is a diagnostic without its message: code, place, value and hint.
func said(d spec.Diagnostic) string {
	s := string(d.Code)
	if d.Place != (spec.Place{}) {
		s += " " + strings.TrimSpace(d.Location.String())
	}
	switch n := len(d.Value); {
	case n > 100:
		s += fmt.Sprintf(" %q... %d bytes", d.Value[:10], n)
	case n > 0:
		s += fmt.Sprintf(" %q", d.Value)
	}
	if d.Related != nil {
		s += " (and " + strings.TrimSpace(d.Related.String()) + ")"
	}
	if d.Hint != "" {
		s += ": " + d.Hint
	}
	return s
}

func allSaid(list []spec.Diagnostic) []string {
	var lines []string
	for _, d := range list {
		lines = append(lines, said(d))
	}
	return lines
}

// faultsOf gives the faults of an error of Compile, which is nil or Faults.
func faultsOf(t testing.TB, err error) spec.Faults {
	t.Helper()
	var faults spec.Faults
	if err != nil && !errors.As(err, &faults) {
		t.Fatalf("the error is no Faults: %v", err)
	}
	return faults
}

// checkForm checks what every diagnostic must be.
func checkForm(t testing.TB, d spec.Diagnostic) {
	t.Helper()
	if d.Message == "" || strings.HasSuffix(d.Message, ".") || d.Message != strings.TrimSpace(d.Message) {
		t.Errorf("%s: %q is no message without a final stop", d.Code, d.Message)
	}
	if strings.ContainsAny(d.Message+d.Hint, "\n\r") {
		t.Errorf("%s: %q and %q are not one line each", d.Code, d.Message, d.Hint)
	}
	if !strings.Contains(d.String(), d.Message) || !strings.Contains(d.String(), " ("+string(d.Code)+")") || !strings.HasSuffix(d.String(), d.Hint) {
		t.Errorf("the line lacks a part: %s", d.String())
	}
}

// relevant leaves grants_nobody out of the warnings of a row that is about something else: most rows name no origin.
func (row *compileRow) relevant(warnings []string) []string {
	isNobody := func(line string) bool { return strings.HasPrefix(line, string(spec.CodeGrantsNobody)) }
	if slices.ContainsFunc(row.warnings, isNobody) {
		return warnings
	}
	return slices.DeleteFunc(warnings, isNobody)
}

func compileRows() []compileRow {
	return slices.Concat(originFaults(), dangerFaults(), regexFaults(), listFaults(), hostFaults(), pathFaults(), conflictFaults(),
		documentFaults(), warningRows(), ruleFaults(), foldFaults(), nameFaults())
}

func TestCompile(t *testing.T) {
	for _, row := range compileRows() {
		t.Run(row.name, func(t *testing.T) {
			e, warnings, err := policy.Compile(row.config, row.opts...)
			faults := faultsOf(t, err)
			if (e == nil) != (len(faults) > 0) {
				t.Errorf("engine %v with %d faults", e, len(faults))
			}
			for _, d := range slices.Concat(faults, warnings) {
				checkForm(t, d)
			}
			if diff := cmp.Diff(row.faults, allSaid(faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(row.warnings, row.relevant(allSaid(warnings)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWaivers compiles each configuration that dangerouslyAllow can permit: with
// all the names it is taken, without any one of them it is not, and names that
// permit something else do not help.
func TestWaivers(t *testing.T) {
	all := spec.Dangers()
	for _, row := range compileRows() {
		if row.waivers == nil {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			if _, _, err := policy.Compile(waiving(row.config, row.waivers), row.opts...); err != nil {
				t.Errorf("with %v: %v", row.waivers, err)
			}
			for _, lacking := range row.waivers {
				others := slices.DeleteFunc(slices.Clone(all), func(d spec.Danger) bool { return d == lacking })
				if _, _, err := policy.Compile(waiving(row.config, others), row.opts...); err == nil {
					t.Errorf("taken without %s", lacking)
				}
			}
		})
	}
}

// waiving adds dangerouslyAllow to every policy.
func waiving(cfg spec.Config, dangers []spec.Danger) spec.Config {
	cfg.Policies = slices.Clone(cfg.Policies)
	for i := range cfg.Policies {
		cfg.Policies[i].Spec.DangerouslyAllow = dangers
	}
	return cfg
}

// TestEveryCodeOccurs counts the codes in the rows above.
func TestEveryCodeOccurs(t *testing.T) {
	want := map[spec.Code]bool{ // true for faults
		spec.CodeAnyOriginWithCredentials: true, spec.CodeNullOriginWithCredentials: true, spec.CodePublicSuffix: true,
		spec.CodeInsecureOrigin: true, spec.CodeExposeAnyWithCredentials: true, spec.CodeOriginInvalid: true,
		spec.CodeOriginAnyMixed: true, spec.CodeWebSocketAnyOrigin: true, spec.CodeMethodInvalid: true,
		spec.CodeHeaderInvalid: true, spec.CodeMaxAgeOutOfRange: true, spec.CodeRegexInvalid: true,
		spec.CodeRegexDead: true, spec.CodeRegexUnbounded: true, spec.CodeHostInvalid: true, spec.CodePathInvalid: true, spec.CodeConflict: true,
		spec.CodeUnknownReference: true, spec.CodeDuplicateName: true, spec.CodeTenantUnbound: true, spec.CodeNoPolicies: true,
		spec.CodeMissingField: true, spec.CodeValueInvalid: true, spec.CodeLimitExceeded: true,

		spec.CodeDefaultPort: false, spec.CodeOriginUpperCase: false, spec.CodeMaxAgeCapped: false, spec.CodeMaxAgeUnused: false,
		spec.CodeRuleUnreachable: false, spec.CodeOwnCORSShadowed: false, spec.CodeOriginSetExpired: false,
		spec.CodeOriginSetUnused: false, spec.CodeAuthorizationNotCovered: false, spec.CodeSubdomainTakeover: false,
		spec.CodeRedundantRegex: false, spec.CodeHeaderNeverSent: false, spec.CodeMethodNeverSent: false, spec.CodeMethodLowerCase: false,
		spec.CodeGrantsNobody: false, spec.CodeRuleNeverRefuses: false, spec.CodeResourcePolicyStatic: false, spec.CodeOriginSetExpiresSoon: false,
		spec.CodeRegexBranchDead: false, spec.CodeRulePartlyShadowed: false,
	}
	produced := map[spec.Code]int{}
	for _, row := range compileRows() {
		_, warnings, err := policy.Compile(row.config, row.opts...)
		for _, d := range faultsOf(t, err) {
			produced[d.Code]++
			if !want[d.Code] {
				t.Errorf("%s: %s is no fault of the contract", row.name, d.Code)
			}
		}
		for _, d := range warnings {
			produced[d.Code]++
			if fault, known := want[d.Code]; fault || !known {
				t.Errorf("%s: %s is no warning of the contract", row.name, d.Code)
			}
		}
	}
	for code := range want {
		if produced[code] == 0 {
			t.Errorf("no row produces %s", code)
		}
	}
}

// forHost is a policy with a cors.
func forHost(c spec.CORS) spec.Config {
	return one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &c})
}

func originList(origins ...string) spec.Config { return forHost(spec.CORS{AllowOrigins: origins}) }

// withCredentials is a policy with origins and credentials.
func withCredentials(origins ...string) spec.Config {
	return forHost(spec.CORS{AllowOrigins: origins, AllowCredentials: new(true)})
}

// badOrigin, badHost and badPath are a policy with one value that is refused,
// and the hint that is given.
func badOrigin(name, text, hint string) compileRow {
	return compileRow{name: name, config: originList(text), faults: refusedValue("origin_invalid", "cors.allowOrigins[0]", text, hint)}
}

func badHost(name, text, hint string) compileRow {
	return compileRow{
		name: name, config: one("shop", spec.PolicySpec{Hosts: []string{text}, CORS: allowing(shop)}),
		faults: refusedValue("host_invalid", "hosts[0]", text, hint),
	}
}

func badPath(name, text, hint string) compileRow {
	return compileRow{
		name: name, config: ruled(at("a", spec.PathExact, text)),
		faults: refusedValue("path_invalid", "rules[0].match.path.value", text, hint),
	}
}

func refusedValue(code spec.Code, path, value, hint string) []string {
	return []string{fmt.Sprintf("%s CORSPolicy[0] spec.%s %q: %s", code, path, value, hint)}
}
