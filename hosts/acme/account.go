package acme

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mholt/acmez/v3/acme"
)

// storedAccount is an account as it is stored, in one value with its key.
type storedAccount struct {
	Account acme.Account `json:"account"`
	Key     string       `json:"key"` // PEM
}

func (c *client) accountName() string {
	if c.cfg.Email == "" {
		return "default"
	}
	return storageName(c.cfg.Email)
}

func (c *client) accountKey() string {
	return "accounts/" + c.vault.authority + "/" + c.accountName() + ".json"
}

// useAccount returns the account, registering one if there is none yet. The lock of the
// storage, not a mutex, keeps two from being registered, here or by two processes.
func (c *client) useAccount(ctx context.Context, conn *acme.Client) (*acme.Account, error) {
	if a := c.account.Load(); a != nil {
		return a, nil
	}
	lock := "account_" + c.vault.authority + "_" + c.accountName()
	if err := c.vault.Lock(ctx, lock); err != nil {
		return nil, fmt.Errorf("locking the account: %w", err)
	}
	defer c.vault.unlock(ctx, lock)
	a, err := c.loadAccount(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		a, err = c.register(ctx, conn)
	}
	if err != nil {
		return nil, err
	}
	c.account.Store(a)
	return a, nil
}

func (c *client) loadAccount(ctx context.Context) (*acme.Account, error) {
	text, err := c.vault.Load(ctx, c.accountKey())
	if err != nil {
		return nil, fmt.Errorf("loading the account: %w", err)
	}
	var stored storedAccount
	if json.Unmarshal(text, &stored) != nil {
		return nil, fmt.Errorf("loading the account: %s is damaged", c.accountKey())
	}
	if stored.Account.PrivateKey, err = parseKey([]byte(stored.Key)); err != nil {
		return nil, fmt.Errorf("loading the account: %s: %w", c.accountKey(), err)
	}
	return &stored.Account, nil
}

func (c *client) register(ctx context.Context, conn *acme.Client) (*acme.Account, error) {
	key, err := P256.generate()
	if err != nil {
		return nil, err
	}
	a := acme.Account{TermsOfServiceAgreed: c.cfg.AgreedTOS, PrivateKey: key}
	if c.cfg.Email != "" {
		a.Contact = []string{"mailto:" + c.cfg.Email}
	}
	if e := c.cfg.ExternalAccount; e != nil {
		if err := a.SetExternalAccountBinding(ctx, conn, acme.EAB{KeyID: e.KeyID, MACKey: e.MACKey}); err != nil {
			return nil, fmt.Errorf("external account: %w", err)
		}
	}
	if a, err = conn.NewAccount(ctx, a); err != nil {
		return nil, fmt.Errorf("registering the account: %w", err)
	}
	a.ExternalAccountBinding = nil // has done its work
	conn.Logger.Info("acme: account registered", "account", a.Location, "ca", c.cfg.Directory)
	return &a, c.storeAccount(ctx, &a)
}

func (c *client) storeAccount(ctx context.Context, a *acme.Account) error {
	key, err := keyPEM(a.PrivateKey)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(storedAccount{*a, string(key)}, "", "\t")
	if err != nil {
		return err
	}
	if err := c.vault.Store(ctx, c.accountKey(), append(text, '\n')); err != nil {
		return fmt.Errorf("storing the account: %w", err)
	}
	return nil
}

// forgetAccount drops an account that the authority does not know any more, unless
// somebody has registered another meanwhile.
func (c *client) forgetAccount(ctx context.Context, old *acme.Account) error {
	c.account.CompareAndSwap(old, nil)
	stored, err := c.loadAccount(ctx)
	if err == nil && stored.Location == old.Location {
		return c.vault.Delete(ctx, c.accountKey())
	}
	return nil
}
