package certs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/certs/certstest"
)

// failure is something people asked of mkcert and did not get, or got wrong, and what shows that we do better.
type failure struct {
	topic   string
	issues  []string // of public trackers; mkcert is FiloSottile/mkcert
	tests   []string // functions, or stories of cmd/letta-dev as TestStories/NAME
	because string   // why there is no test, or what it leaves out
}

// mkcertFailures are those that were known at the end of 2026. mkcert's last release is of April 2022.
func mkcertFailures() []failure {
	return []failure{
		{
			topic:  "Chromium moved its NSS database to ~/.local/share/pki/nssdb, and reads only one of the two",
			issues: []string{"mkcert#671", "mkcert#672", "vercel-labs/portless#412"},
			tests:  []string{"TestChromiumDatabases", "TestChromium", "TestDatabasesThatMkcertMisses"},
		},
		{
			topic:  "Firefox keeps its profiles in ~/.config/mozilla/firefox, or where profiles.ini says",
			issues: []string{"mkcert#668", "mkcert#521"},
			tests:  []string{"TestFirefoxProfiles", "TestParseProfiles", "TestFirefox", "TestDatabasesThatMkcertMisses"},
		},
		{
			topic:  "browsers in snaps and flatpaks have homes of their own",
			issues: []string{"mkcert#116", "mkcert#325", "mkcert#327", "mkcert#409", "dotnet/aspnetcore#57256"},
			tests:  []string{"TestFirefoxProfiles", "TestChromiumDatabases", "TestDatabasesThatMkcertMisses"},
		},
		{
			topic:  "a root that is in the database without its trust bits; profiles with spaces in their paths, or never used",
			issues: []string{"mkcert#6", "mkcert#51", "mkcert#184", "mkcert#326", "mkcert#370", "mkcert#662"},
			tests:  []string{"TestNSSEntryWithoutTrust", "TestFirefoxProfiles", "TestProofBeatsTheStoresWord"},
		},
		{
			topic:  "without certutil the browsers are left out, and success is reported",
			issues: []string{"massalabs/station#333"},
			tests:  []string{"TestNSSWithoutCertutil", "TestPoliciesComeAndGo", "TestPoliciesOfOthersSurvive"},
		},
		{
			topic:   "the browser is on Windows, mkcert in the WSL beside it",
			issues:  []string{"mkcert#357", "mkcert#527", "mkcert#180", "ddev/ddev#3229"},
			tests:   []string{"TestWSLIsFound", "TestWSL"},
			because: "a Windows is needed to see its browser accept: the tests hold the commands and that no key crosses over",
		},
		{
			topic:   "Firefox on Windows has a store of its own",
			issues:  []string{"mkcert#239", "mkcert#653"},
			tests:   []string{"TestWindowsStore"},
			because: "Firefox takes the roots of Windows since its version 120, so there is nothing to edit but to fill that store",
		},
		{
			topic:  "an odd JAVA_HOME, or a keytool that fails, ends everything",
			issues: []string{"mkcert#88", "mkcert#201", "mkcert#472", "ddev/ddev#6940"},
			tests:  []string{"TestJavaHomeThatIsOdd", "TestJavaThatIsBrokenHindersNothing", "TestJavaOfThisMachine"},
		},
		{
			topic:  "Node does not read the system's store",
			issues: []string{"mkcert#78", "mkcert#563", "ddev/ddev#4032"},
			tests:  []string{"TestVariablesWithNothingSet", "TestVariablesKeepWhatTheyNamed", "TestStories/env", "TestStories/run", "TestClientsOfRoot"},
		},
		{
			topic:  "Python's requests has roots of its own, and a variable that replaces them",
			issues: []string{"mkcert#49", "psf/requests#3908"},
			tests:  []string{"TestVariablesOfRequests", "TestVariablesKeepWhatTheyNamed", "TestMergeLeavesOurRootWhereItIs", "TestClientsOfRoot"},
		},
		{
			topic:  "leaves end after two years and three months, and nobody renews them",
			issues: []string{"mkcert#296", "mkcert#138", "mkcert#430"},
			tests:  []string{"TestKeeperRenewsInUse", "TestKeeperRenewsUnderOpenConnections", "TestKeeperOverJumpsOfTheClock", "TestAuthorityEndsSoon"},
		},
		{
			topic:   "leaves that live longer than systems accept",
			issues:  []string{"mkcert#276", "mkcert#202", "mkcert#174"},
			tests:   []string{"TestCreatedFilesLiveAsLongAsMkcerts", "TestKeeperRenewsInUse"},
			because: "Apple's systems, which set the limit, are not here: the tests hold its 825 days",
		},
		{
			topic:  "a CA that may sign for every site in the world",
			issues: []string{"mkcert#131", "mkcert#302", "mkcert#377", "mkcert#113", "mkcert#309"},
			tests:  []string{"TestAuthorityIsConstrained", "TestStolenIntermediateSignsForNobodyElse", "TestClientsOfRoot"},
		},
		{
			topic:  "the CA's key lies in a plain file",
			issues: []string{"mkcert#39", "mkcert#122"},
			tests:  []string{"TestAuthorityFiles", "TestLoadTellsWhatIsWrong", "TestStolenIntermediateSignsForNobodyElse"},
		},
		{
			topic:   "a question of the keychain hangs a run that has no terminal",
			issues:  []string{"mkcert#415", "actions/runner-images#4519"},
			tests:   []string{"TestStoresThatAskWantSomeoneThere", "TestCommandsHaveNoTerminal", "TestCommandsAreEnded"},
			because: "the keychain itself is macOS's",
		},
		{
			topic:  "sudo by itself, sudo without a terminal, and a CA in root's home after sudo",
			issues: []string{"mkcert#236", "mkcert#602", "mkcert#518"},
			tests:  []string{"TestSystemStoreRights", "TestUnderSudoFilesBelongToTheCaller", "TestFilesOfTheUserBehindSudo", "TestClientsOfTheUserBehindSudo"},
		},
		{
			topic:  "uninstall leaves things behind and says that it did not",
			issues: []string{"mkcert#208", "mkcert#355", "mkcert#576", "mkcert#665"},
			tests:  []string{"TestSystemStoreOfThisMachine", "TestTrustBelievesNoExitStatus", "TestNSSUninstallByCertificate", "TestClientsOfRoot"},
		},
		{
			topic:  "roots of a CA that was made anew stay trusted",
			issues: []string{"mkcert#208", "mkcert#457"},
			tests:  []string{"TestUntrustFindsEveryRootOfOurs"},
		},
		{
			topic:   "iOS and Android",
			issues:  []string{"mkcert#47", "mkcert#233", "mkcert#495"},
			because: "localhost on a telephone is the telephone: there is nothing of ours to trust there",
		},
		{
			topic:  "NixOS, and stores that cannot be written to",
			issues: []string{"vercel-labs/portless#336"},
			tests:  []string{"TestNixOS", "TestStoresThatAreReadOnly", "TestSystemStoresThatAreNotSupported"},
		},
		{
			topic:  "bring your own CA, or your own certificate",
			issues: []string{"mkcert#378", "mkcert#635"},
			tests:  []string{"TestPairServesWhatSomebodyBrought", "TestPairFollowsItsFiles", "TestAuthorityOfMkcert", "TestStories/pair"},
		},
	}
}

// Each failure has a test that is really there, or a reason.
func TestEveryFailureOfMkcertIsAnswered(t *testing.T) {
	known := testsOfTheProject(t)
	issue := regexp.MustCompile(`^([\w.-]+/)?[\w.-]+#\d+$`)
	for _, f := range mkcertFailures() {
		if len(f.tests) == 0 && f.because == "" {
			t.Errorf("%s: neither a test nor a reason", f.topic)
		}
		for _, name := range f.tests {
			if !slices.Contains(known, name) {
				t.Errorf("%s: there is no %s", f.topic, name)
			}
		}
		if len(f.issues) == 0 || slices.ContainsFunc(f.issues, func(s string) bool { return !issue.MatchString(s) }) {
			t.Errorf("%s: the issues are %q", f.topic, f.issues)
		}
	}
}

// testsOfTheProject are the names of its test functions and stories.
func testsOfTheProject(t *testing.T) []string {
	t.Helper()
	var names []string
	certstest.Must(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			if story, ok := strings.CutSuffix(entry.Name(), ".txtar"); ok {
				names = append(names, "TestStories/"+story)
			}
			return err
		}
		source, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range source.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
			}
		}
		return nil
	}))
	return names
}
