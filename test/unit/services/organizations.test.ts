import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { User } from '../../../server/domain/account.ts';
import { createOrganizations } from '../../../server/services/organizations.ts';
import type { Organizations } from '../../../server/services/organizations.ts';
import { createFakeClock, openTemporaryDatabase } from '../../support/people.ts';
import type { TemporaryDatabase } from '../../support/people.ts';

let temporary: TemporaryDatabase;
let organizations: Organizations;
const clock = createFakeClock();

beforeEach(async () => {
  temporary = await openTemporaryDatabase();
  organizations = createOrganizations({ db: temporary.db, clock });
});
afterEach(() => temporary.dispose());

const addUser = (name: string): Promise<User> =>
  temporary.db.write(({ accounts }) =>
    accounts.createUser({
      name,
      fullName: name,
      email: undefined,
      passwordHash: undefined,
      isAdmin: false,
      now: clock.now(),
    }),
  );

describe('organizations', () => {
  it('start with their maker as super-admin', async () => {
    const ada = await addUser('ada');
    const lab = await organizations.create({ name: 'Lab', fullName: 'The Lab', owner: ada });
    expect(lab).toMatchObject({ name: 'Lab', fullName: 'The Lab', defaultVisibility: 'public' });
    expect(await organizations.members(lab)).toEqual([{ user: ada, role: 'super-admin' }]);
    expect(await organizations.get('lab')).toEqual(lab);
  });

  it('share their names with users', async () => {
    const ada = await addUser('ada');
    const taken = organizations.create({ name: 'ADA', owner: ada });
    await expect(taken).rejects.toMatchObject({ code: 'Conflict' });
    await expect(organizations.get('ada')).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('keep their last super-admin', async () => {
    const [ada, eve] = [await addUser('ada'), await addUser('eve')];
    const lab = await organizations.create({ name: 'lab', owner: ada });
    await organizations.setMember(lab, eve, 'admin');
    for (const role of ['admin', 'member', 'visitor'] as const) {
      await expect(organizations.setMember(lab, ada, role)).rejects.toMatchObject({ code: 'Conflict' });
    }
    await expect(organizations.removeMember(lab, ada)).rejects.toMatchObject({ code: 'Conflict' });
    await organizations.setMember(lab, eve, 'super-admin');
    await organizations.setMember(lab, ada, 'visitor');
    expect((await organizations.members(lab)).map(({ user, role }) => `${user.name} ${role}`)).toEqual([
      'ada visitor',
      'eve super-admin',
    ]);
  });

  it('let go of others', async () => {
    const [ada, eve] = [await addUser('ada'), await addUser('eve')];
    const lab = await organizations.create({ name: 'lab', owner: ada });
    await organizations.setMember(lab, eve, 'member');
    await organizations.removeMember(lab, eve);
    await expect(organizations.removeMember(lab, eve)).rejects.toMatchObject({ code: 'NotFound' });
  });
});
