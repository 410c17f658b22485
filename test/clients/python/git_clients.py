"""Clone, fetch, push and tags with a git client that is not git: libgit2 or dulwich. Facts come as JSON.

Each client pushes from one clone and sees it in another. What is left on the hub is printed: names of refs and ids.
"""

import io
import json
import os
import pathlib
import sys

facts = json.load(sys.stdin)
url, token, work = facts["url"], facts["token"], pathlib.Path(facts["work"])
os.environ["HOME"] = str(work)
FILES = {"README.md": b"# from another client\n", "folder/a.txt": b"a\n" * 1000, "folder/b": os.urandom(200_000)}


class Libgit2:
    def __init__(self):
        import pygit2

        self.git = pygit2
        self.signature = pygit2.Signature("Ada", "ada@example.org", 1_700_000_000, 60)

    def callbacks(self):
        return self.git.RemoteCallbacks(credentials=self.git.UserPass("anyone", token))

    def clone(self, folder, depth=0):
        self.git.clone_repository(url, str(folder), callbacks=self.callbacks(), depth=depth)

    def commit(self, folder, files, message):
        repo = self.git.Repository(str(folder))
        for path, content in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)
            repo.index.add(path)
        repo.index.write()
        parents = [] if repo.head_is_unborn else [repo.head.target]
        ref = "refs/heads/main" if repo.head_is_unborn else repo.head.name
        return str(repo.create_commit(ref, self.signature, self.signature, message, repo.index.write_tree(), parents))

    def branch(self, folder, name, commit):
        self.git.Repository(str(folder)).references.create(f"refs/heads/{name}", commit, force=True)

    def tag(self, folder, name, commit):
        repo = self.git.Repository(str(folder))
        return str(repo.create_tag(name, commit, self.git.enums.ObjectType.COMMIT, self.signature, f"tag {name}"))

    def push(self, folder, refspecs):
        failures = []
        callbacks = self.callbacks()
        callbacks.push_update_reference = lambda ref, message: message and failures.append((ref, message))
        self.git.Repository(str(folder)).remotes["origin"].push(refspecs, callbacks=callbacks)
        return failures

    def fetch(self, folder):
        # By itself it only takes tags of what it was sent just now.
        refspecs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        self.git.Repository(str(folder)).remotes["origin"].fetch(refspecs, callbacks=self.callbacks())

    def remote_refs(self, folder):
        heads = self.git.Repository(str(folder)).remotes["origin"].list_heads(callbacks=self.callbacks())
        return {head.name: str(head.oid) for head in heads}

    def resolve(self, folder, ref):
        repo = self.git.Repository(str(folder))
        return str(repo.references[ref].target) if ref in repo.references else None


class Dulwich:
    def __init__(self):
        from dulwich import porcelain
        from dulwich.repo import Repo

        self.git, self.repo = porcelain, Repo
        self.credentials = {"username": "anyone", "password": token}
        self.author = b"Ada <ada@example.org>"

    def quiet(self):
        return {"errstream": io.BytesIO(), "outstream": io.BytesIO()}

    def clone(self, folder, depth=0):
        self.git.clone(url, str(folder), depth=depth or None, errstream=io.BytesIO(), **self.credentials)

    def commit(self, folder, files, message):
        for path, content in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)
        self.git.add(str(folder), [str(folder / path) for path in files])
        made = self.git.commit(str(folder), message.encode(), author=self.author, committer=self.author)
        return made.decode()

    def branch(self, folder, name, commit):
        self.repo(str(folder)).refs[f"refs/heads/{name}".encode()] = commit.encode()

    def tag(self, folder, name, commit):
        self.git.tag_create(
            str(folder), name, author=self.author, message=f"tag {name}".encode(), annotated=True, objectish=commit
        )
        return self.repo(str(folder)).refs[f"refs/tags/{name}".encode()].decode()

    def push(self, folder, refspecs):
        try:
            forced = any(refspec.startswith("+") for refspec in refspecs)
            plain = [refspec.removeprefix("+") for refspec in refspecs]
            self.git.push(str(folder), url, plain, force=forced, **self.quiet(), **self.credentials)
        except self.git.Error as error:
            return [(refspecs, str(error))]
        return []

    def fetch(self, folder):
        self.git.fetch(
            str(folder),
            "origin",
            prune=True,
            include_tags=True,
            quiet=True,
            errstream=io.BytesIO(),
            outstream=io.StringIO(),
            **self.credentials,
        )

    def remote_refs(self, folder):
        found = self.git.ls_remote(url, **self.credentials).refs
        return {name.decode(): oid.decode() for name, oid in found.items() if oid}

    def resolve(self, folder, ref):
        refs = self.repo(str(folder)).refs
        return refs[ref.encode()].decode() if ref.encode() in refs else None


client = {"libgit2": Libgit2, "dulwich": Dulwich}[facts["client"]]()
one, two, shallow = work / "one", work / "two", work / "shallow"

# The hub made a first commit, which both see.
client.clone(one)
first = client.resolve(one, "refs/heads/main")
assert first == facts["head"], first

second = client.commit(one, FILES, "second")
assert client.push(one, ["refs/heads/main:refs/heads/main"]) == []
client.clone(two)
assert client.resolve(two, "refs/heads/main") == second
for path, content in FILES.items():
    assert (two / path).read_bytes() == content, path

# A little on top of much goes over, both ways; then branches and tags.
third = client.commit(one, {"README.md": b"# changed\n"}, "third")
client.branch(one, "feature/x", second)
tag = client.tag(one, "v1", second)
assert client.push(one, ["refs/heads/main:refs/heads/main", "refs/heads/feature/x:refs/heads/feature/x"]) == []
assert client.push(one, ["refs/tags/v1:refs/tags/v1"]) == []
client.fetch(two)
assert client.resolve(two, "refs/remotes/origin/main") == third
assert client.resolve(two, "refs/remotes/origin/feature/x") == second
assert client.resolve(two, "refs/tags/v1") == tag

refs = client.remote_refs(one)
assert refs["refs/heads/main"] == third and refs["refs/tags/v1"] == tag, refs
assert refs.get("refs/tags/v1^{}", second) == second, refs

# Behind: the other clone has not seen `third` in its own branch.
client.commit(two, {"two.txt": b"2\n"}, "late")
try:
    assert client.push(two, ["refs/heads/main:refs/heads/main"]) != []
except Exception as error:
    assert not isinstance(error, AssertionError), "A push that is behind was taken."

client.branch(one, "feature/x", first)
assert client.push(one, ["+refs/heads/feature/x:refs/heads/feature/x"]) == []
assert client.push(one, [":refs/tags/v1"]) == []
assert "refs/tags/v1" not in client.remote_refs(one)

client.clone(shallow, depth=1)
assert client.resolve(shallow, "refs/heads/main") == third
assert (shallow / "README.md").read_bytes() == b"# changed\n"

json.dump({"refs/heads/main": third, "refs/heads/feature/x": first}, sys.stdout)
