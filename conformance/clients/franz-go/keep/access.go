package main

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

const someone = "someone"

// setAccess leaves metadata records that not every server understands: a SCRAM user, a quota, an ACL.
func (l *Life) setAccess() {
	credential := kadm.UpsertSCRAM{User: someone, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "secret"}
	scrams, err := l.admin.AlterUserSCRAMs(l.ctx, nil, []kadm.UpsertSCRAM{credential})
	check("SCRAM user", err)
	check("SCRAM user", scrams.Error())
	name := someone
	quotas, err := l.admin.AlterClientQuotas(l.ctx, []kadm.AlterClientQuotaEntry{{
		Entity: kadm.ClientQuotaEntity{{Type: "client-id", Name: &name}},
		Ops:    []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: 1_048_576}},
	}})
	check("client quota", err)
	check("client quota", quotas[0].Err)
	acls, err := l.admin.CreateACLs(l.ctx, acl())
	check("ACL", err)
	check("ACL", acls[0].Err)
	l.state.Access = l.access()
}

func acl() *kadm.ACLBuilder {
	return kadm.NewACLs().Topics("secret").ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpRead).Allow("User:" + someone).AllowHosts("*")
}

// access is what the server says of all three.
func (l *Life) access() []string {
	var all []string
	scrams, err := l.admin.DescribeUserSCRAMs(l.ctx)
	check("SCRAM users", err)
	for _, user := range scrams.Sorted() {
		all = append(all, fmt.Sprintf("user %s %v", user.User, user.CredInfos))
	}
	quotas, err := l.admin.DescribeClientQuotas(l.ctx, false, []kadm.DescribeClientQuotaComponent{{Type: "client-id", MatchType: 2}})
	check("client quotas", err)
	for _, quota := range quotas {
		all = append(all, fmt.Sprintf("quota %v %v", quota.Entity, quota.Values))
	}
	acls, err := l.admin.DescribeACLs(l.ctx, acl())
	check("ACLs", err)
	for _, found := range acls {
		for _, one := range found.Described {
			all = append(all, fmt.Sprintf("ACL %s %s %v %v %s", one.Principal, one.Host, one.Operation, one.Permission, one.Name))
		}
	}
	return all
}

func (l *Life) compareAccess() {
	if len(l.state.Access) != 3 {
		fail("a user, a quota and an ACL were set, seen were: %s", strings.Join(l.state.Access, "; "))
	}
	expect("user, quota and ACL", strings.Join(l.access(), "; "), strings.Join(l.state.Access, "; "))
}
