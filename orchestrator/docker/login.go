package docker

import (
	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
)

// registryLogin looks up what `docker login` stored, in the configuration of dir or with the credential helper it names. No login
// is no error: most images need none.
func registryLogin(dir string) func(image string) (string, error) {
	return func(image string) (string, error) {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			return "", err
		}
		file, err := config.Load(dir)
		if err != nil {
			return "", err
		}
		key := reference.Domain(named)
		if key == "docker.io" { // Docker Hub's login is stored under the address it had in 2014
			key = "https://index.docker.io/v1/"
		}
		auth, err := file.GetAuthConfig(key)
		if err != nil || auth.Username == "" && auth.IdentityToken == "" && auth.RegistryToken == "" {
			return "", err
		}
		return authconfig.Encode(registry.AuthConfig{
			Username: auth.Username, Password: auth.Password, ServerAddress: auth.ServerAddress,
			IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken,
		})
	}
}
